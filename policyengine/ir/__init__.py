"""The typed core: the one representation that every evaluator, back end and proof reads."""
