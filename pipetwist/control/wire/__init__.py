"""What ``proto/generate.py`` has made from the .proto files; nothing here is written by hand."""
