package check

import (
	"fmt"
	"strings"
)

// multiclusterPlugin is how a Corefile says that CoreDNS serves the zone from ServiceImports.
const multiclusterPlugin = "the statement multicluster "

// resolvers tells whether the cluster's own resolver leads the clusterset's zone to Fairlead.
func resolvers(f *Facts) (all []Finding) {
	c := f.Cluster
	for _, r := range c.Resolvers {
		switch {
		case r.Err != nil:
			all = append(all, one(WARN, "names", r.String()+" is not understood", r.Err.Error(), "edit it by hand: fairlead dns print --context "+c.Context)...)
		case strings.HasPrefix(r.Taken, multiclusterPlugin):
			all = append(all, one(WARN, "names", r.String()+" serves clusterset.local itself, by CoreDNS's multicluster",
				"the names resolve all the same, but dns-version tells another version (D1), and a resolver that starts can deny names that it has not read yet", "take that out and then fairlead dns enable --context "+c.Context+", if Fairlead is to serve them")...)
		case r.Taken != "":
			all = append(all, one(FAIL, "names", r.String()+" serves clusterset.local by something else: "+r.Taken,
				"the names of the clusterset come from there", "take that out, if Fairlead is to serve them")...)
		case r.Ours && c.Server.IsValid() && r.To != c.Server:
			all = append(all, one(FAIL, "names", fmt.Sprintf("%s leads clusterset.local to %s, and the DNS servers are at %s", r, r.To, c.Server),
				"no name of the clusterset resolves", "fairlead dns enable --context "+c.Context)...)
		}
	}
	if len(all) > 0 {
		return all
	}
	return resolution(c)
}

// resolution judges what the cluster's resolver said, and where it was not asked, what it was told.
func resolution(c Cluster) []Finding {
	untaught := []string{}
	for _, r := range c.Resolvers {
		if !r.Ours {
			untaught = append(untaught, r.String())
		}
	}
	enable := "fairlead dns enable --context " + c.Context
	switch {
	case c.Resolution != nil && c.Resolution.OK():
		return good("names", "the cluster's resolver knows the names of the clusterset")
	case !c.Joined && len(c.Resolvers) == 0:
		return one(WARN, "names", "the cluster's resolver is not a CoreDNS that Fairlead can teach", "no name of the clusterset resolves until it is taught",
			"after joining: fairlead dns print --context "+c.Context)
	case !c.Joined:
		return good("names", "nothing serves clusterset.local yet; after joining, "+enable)
	case len(untaught) > 0:
		return one(FAIL, "names", strings.Join(untaught, " and ")+" says nothing of clusterset.local", "no name of the clusterset resolves", enable)
	case len(c.Resolvers) == 0 && c.Resolution == nil:
		return one(WARN, "names", "whether the cluster's resolver knows clusterset.local is not known", "", "fairlead dns print --context "+c.Context)
	case c.Resolution != nil && c.Resolution.Version != "":
		return one(FAIL, "names", fmt.Sprintf("the cluster's resolver serves version %q of the DNS schema", c.Resolution.Version), "it comes from something else", "")
	case c.Resolution != nil:
		return one(FAIL, "names", "the cluster's resolver does not answer for clusterset.local", c.Resolution.Error,
			"if it was told just now, it takes up to a minute; otherwise look at Deployment fairlead-dns")
	}
	return good("names", "the cluster's resolver leads clusterset.local to Fairlead; it was not asked")
}
