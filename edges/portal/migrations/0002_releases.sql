-- Silent incidents that support lets a site's people see, once they are over.

CREATE TABLE portal.releases (
    site_id text COLLATE "C" NOT NULL REFERENCES portal.sites,
    incident_id text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    by text NOT NULL,
    PRIMARY KEY (site_id, incident_id)
);
COMMENT ON TABLE portal.releases IS 'Incidents that support released: shown as they were, not as a silent alarm must look.';
COMMENT ON COLUMN portal.releases.site_id IS 'The site.';
COMMENT ON COLUMN portal.releases.incident_id IS 'The incident, closed by then.';
COMMENT ON COLUMN portal.releases.at IS 'When.';
COMMENT ON COLUMN portal.releases.by IS 'The account or the token.';
