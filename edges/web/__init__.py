"""What the edges share towards browsers and programs: HTTP, sign-in, pages."""
