package folder

import (
	"net/netip"
	"slices"

	inventory "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	about "fairlead.dev/fairlead/api/about/v1beta1"
	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
)

// assemble makes clusters of the folders and returns all that is wrong with the set. A cluster that prior had keeps the address
// that was given to it, and its name where the folder's new one cannot be taken.
func (s *Set) assemble(prior *Set) []Problem {
	problems := slices.Clone(s.found)
	owner := map[string]Object{} // cluster name -> what named it
	for _, f := range s.folders {
		c, named, found := identify(f)
		problems = append(problems, found...)
		if first, taken := owner[c.Name]; taken && c.Name != "" {
			problems = append(problems, named.problem("spec.value", "cluster %s is in %s already (%s): give this one a name of its own",
				c.Name, folderOf(first.File), first.where()))
			c.Name = ""
		}
		if c.Name == "" {
			last := folderIn(prior, f.name)
			if last == nil {
				continue
			}
			if _, taken := owner[last.Name]; taken {
				continue
			}
			c.Cluster = last.Cluster
		}
		owner[c.Name] = named
		s.Clusters = append(s.Clusters, c)
	}
	problems = append(problems, s.address(prior)...)
	slices.SortFunc(problems, Problem.Compare)
	return slices.Compact(problems)
}

func folderIn(s *Set, folder string) *Cluster {
	for i := 0; s != nil && i < len(s.Clusters); i++ {
		if s.Clusters[i].Folder == folder {
			return s.Clusters[i]
		}
	}
	return nil
}

// identify reads who a cluster is: its name from ClusterProperty cluster.clusterset.k8s.io, else from the ClusterProfile, else from
// the folder; its place from the ClusterProfile. A cluster whose name cannot be taken has none. The object is the one that named it.
func identify(f *source) (*Cluster, Object, []Problem) {
	c := &Cluster{Folder: f.name, Objects: f.objects, Vanished: f.vanished}
	c.Name = f.name
	named := Object{File: f.name}
	field := ""
	var found []Problem
	for _, o := range f.objects {
		if p, ok := o.Manifest.(*inventory.ClusterProfile); ok {
			if field != "" {
				found = append(found, o.problem("", "is a second ClusterProfile in this folder, keep the one of this cluster (%s)",
					named.where()))
				continue
			}
			c.Name, named, field = p.Name, o, "metadata.name"
			c.describe(p)
		}
	}
	for _, o := range f.objects {
		if p, ok := o.Manifest.(*about.ClusterProperty); ok && p.Name == about.ClusterName {
			c.Name, named, field = p.Spec.Value, o, "spec.value"
		}
	}
	if name, problem, ok := f.brokenName(field); ok {
		if c.Name = name; name == "" {
			return c, named, append(found, problem)
		}
	}
	if !clusterID.MatchString(c.Name) {
		problem := Problem{Folder: f.name, File: f.name, Message: "is not a cluster name (an RFC 1123 label): " +
			"rename the folder, or add a ClusterProperty " + about.ClusterName}
		if field != "" {
			problem = named.problem(field, "%q is not a cluster name, use lower-case letters, digits and '-', at most 63", clip(c.Name))
		}
		found = append(found, problem)
		c.Name = ""
	}
	return c, named, found
}

// brokenName returns what objects whose text is broken say of the cluster's name, unless a good one has said it in the field. A broken
// ClusterProfile still has its own name; without its ClusterProperty the cluster has none, rather than a wrong one.
func (s *source) brokenName(field string) (name string, problem Problem, ok bool) {
	for _, b := range s.broken {
		switch {
		case b.ref.Kind == "ClusterProperty" && b.ref.Name.Name == about.ClusterName && field != "spec.value":
			return "", Problem{Folder: s.name, File: s.name, Message: "has a broken ClusterProperty " + about.ClusterName +
				": the cluster has no name until that is mended"}, true
		case b.ref.Kind == "ClusterProfile" && b.ref.Name.Name != "" && field == "":
			name, ok = b.ref.Name.Name, true
		}
	}
	return name, problem, ok
}

// describe takes over a profile's properties; labels of the same names count where the status has none.
func (c *Cluster) describe(p *inventory.ClusterProfile) {
	properties := map[string]string{}
	for k, v := range p.Labels {
		properties[k] = v
	}
	for _, q := range p.Status.Properties {
		properties[q.Name] = q.Value
	}
	c.Locality = fleet.Locality{Region: properties[v1alpha1.PropertyRegion], Zone: properties[v1alpha1.PropertyZone]}
	c.Network = properties[v1alpha1.PropertyNetwork]
	if a, err := netip.ParseAddr(properties[v1alpha1.PropertyAddress]); err == nil {
		c.Address = a.Unmap()
	}
	for _, known := range []string{v1alpha1.PropertyRegion, v1alpha1.PropertyZone, v1alpha1.PropertyNetwork, v1alpha1.PropertyAddress} {
		delete(properties, known)
	}
	if len(properties) > 0 {
		c.Labels = properties
	}
}

// address gives each cluster an address of its own.
func (s *Set) address(prior *Set) []Problem {
	var found []Problem
	owner := map[netip.Addr]*Cluster{}
	for _, c := range s.Clusters {
		switch first := owner[c.Address]; {
		case !c.Address.IsValid():
			found = append(found, c.refuseAddress()...)
		case first != nil:
			found = append(found, c.profile().problem("status.properties", "%s is the address of cluster %s too, give each cluster its own",
				c.Address, first.Name))
			c.Address = netip.Addr{}
		default:
			owner[c.Address] = c
		}
	}
	for _, c := range s.Clusters {
		last := folderIn(prior, c.Folder)
		if !c.Address.IsValid() && last != nil && last.assigned && owner[last.Address] == nil {
			c.Address, c.assigned = last.Address, true
			owner[c.Address] = c
		}
	}
	for _, c := range s.Clusters {
		for a := netip.AddrFrom4([4]byte{127, 0, 0, 11}); !c.Address.IsValid(); a = a.Next() {
			if owner[a] == nil {
				c.Address, c.assigned = a, true
				owner[a] = c
			}
		}
	}
	return found
}

// refuseAddress tells of an address that was written but is none.
func (c *Cluster) refuseAddress() []Problem {
	o := c.profile()
	p, ok := o.Manifest.(*inventory.ClusterProfile)
	if !ok {
		return nil
	}
	for i, q := range p.Status.Properties {
		if q.Name == v1alpha1.PropertyAddress {
			return []Problem{o.problem(index("status.properties", i)+".value", "%q is not an IP address, write for example 127.0.0.11", clip(q.Value))}
		}
	}
	if text, ok := p.Labels[v1alpha1.PropertyAddress]; ok {
		return []Problem{o.problem("metadata.labels", "%s: %q is not an IP address, write for example 127.0.0.11", v1alpha1.PropertyAddress, clip(text))}
	}
	return nil
}

// profile returns the object that describes the cluster; the zero Object where there is none.
func (c *Cluster) profile() Object {
	for _, o := range c.Objects {
		if _, ok := o.Manifest.(*inventory.ClusterProfile); ok {
			return o
		}
	}
	return Object{File: c.Folder}
}
