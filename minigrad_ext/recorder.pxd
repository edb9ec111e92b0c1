cpdef current()
cpdef change()
cpdef long long changes()
