"""From a release to pages. The only room that knows Plotly and Jinja2."""
