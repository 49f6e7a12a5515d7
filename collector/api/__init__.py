"""The API: doors that parse strictly, call one function, and answer. docs: /api/schema/."""
