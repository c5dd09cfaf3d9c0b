"""Reading a configuration: from a file's text to the document, or to every problem in it."""
