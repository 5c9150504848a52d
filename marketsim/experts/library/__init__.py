"""Reviewed experts in CVXPY, a page each: put together of one block a device, with the numbers of a model."""
