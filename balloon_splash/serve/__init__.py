"""HTTP service: photos and videos splashed for a page or another program, within bounds (extra ``serve``).

A request about a photo keeps nothing behind: its client sends the photo again, with the record of the objects that it
got. Only videos are jobs, in a folder of their own that expires.
"""
