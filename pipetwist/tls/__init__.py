"""TLS from PEM files, for both ends. `listener.ListenerTls` and `connector.ConnectorTls` have the
contexts of pyOpenSSL, on which everything is that a key means, whoever moves the bytes;
`twisted_tls` has Twisted's transports use them. pyOpenSSL is loaded only once one of these is made.
"""
