"""C types for form.py."""

cpdef flattened(tree, list tensors)
