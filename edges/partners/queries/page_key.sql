SELECT secret FROM partners.page_key
