"""How a connection behaves: over every pair of transports, with commands, at random, and under
load.

`channels` and `peer` are the far ends, `clients`, `servers` and `commands` the kinds of them;
`pairs` lists which are tried with each other, and `case` puts pipetwist between.
"""
