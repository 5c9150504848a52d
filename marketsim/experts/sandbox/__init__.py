"""A locked process for code that nobody has read: system calls, memory, time and files are bounded by the kernel."""
