"""TABLES: prices and counts in words; the only room that rounds, picks prefixes or draws.

`pricing` prices a recording; `result` is the report that comes of it. `contents` puts it into a `document`
of tables and lines, which `terminal`, `markdown`, `latex` and `html` render; `plot` draws its charts; `frame`
and `data` hold its numbers, `saving` the formats of files.

`comparing` prices several models on the same devices; `comparison` is what comes of it: `cells` with joint
draws, `verdicts` with their `reasons`, `views`, `breakevens`, `sensitivity` and `fairness`, as documents.
"""
