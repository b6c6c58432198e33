"""What a report is made of: numbers, charts, sections, and the page that holds them."""
