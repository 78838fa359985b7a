"""HTTP to the Messages API and the servers that speak it.

`credentials` defines credentials and imports no HTTP library; `client.Api` sends requests, retries them and reads the
answers; `connection` opens one request such that it can be stopped; `events` reads a stream; `faults` turns
what went wrong into one typed error.
"""
