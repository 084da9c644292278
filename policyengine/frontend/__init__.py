"""Text to typed core: parse, resolve names, check types, lower. Nothing below the front end knows the grammar."""
