"""The status page's figures: built from the answers by plotly, drawn in the browser.

A pure function a figure, from the JSON documents that `/api/v1` tells. Each has a summary too, the
same numbers in words and rows, for those who do not see it and before it is drawn.
"""
