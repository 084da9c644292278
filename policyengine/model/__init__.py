"""The vocabulary that every part shares, as plain data: types, the schema, the operator table."""
