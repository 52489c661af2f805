"""What people prefer of two items: which generators win, how far people agree, and which judges agree with them."""
