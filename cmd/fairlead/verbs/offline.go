package verbs

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"fairlead.dev/fairlead/balance"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/folder"
	"fairlead.dev/fairlead/health"
	"fairlead.dev/fairlead/picture"
	"fairlead.dev/fairlead/plan"
)

// epoch is the moment at which offline answers are given: a fixed one, so that equal folders get equal answers.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// patience is how much time passes after each event of a plan: enough for the calm after a cluster was found again, not for a mass
// withdrawal to be believed.
const patience = 10 * time.Second

// clusterset is a folder with the plan of it.
type clusterset struct {
	clusters map[string]*folder.Cluster
	problems map[string][]folder.Problem // by cluster folder
	fleet    *plan.Fleet
}

// readClusterset reads a folder, tells on stderr what is wrong with it, and works it out.
func (a *app) readClusterset(verb, dir string) (*clusterset, error) {
	if err := checkFolder(verb, dir); err != nil {
		return nil, err
	}
	set, problems := folder.Read(os.DirFS(dir))
	s := &clusterset{clusters: map[string]*folder.Cluster{}, problems: map[string][]folder.Problem{}}
	for _, p := range problems {
		fmt.Fprintln(a.err, p)
		s.problems[p.Folder] = append(s.problems[p.Folder], p)
	}
	if len(set.Clusters) == 0 {
		return nil, failure("try: fairlead "+verb+" examples/shop", "%s holds no cluster", dir)
	}
	var members []plan.Cluster
	for _, c := range set.Clusters {
		s.clusters[c.Name] = c
		facts, more := s.facts(c)
		for _, p := range more {
			fmt.Fprintln(a.err, p)
		}
		members = append(members, plan.Cluster{Vantage: vantage(c), Facts: facts})
	}
	s.fleet = plan.New(members, epoch)
	return s, nil
}

// vantage is from where a cluster of a folder sees, with the default policies.
func vantage(c *folder.Cluster) picture.Vantage {
	v := c.Vantage()
	v.Health, v.Balance = health.DefaultPolicy(), balance.Policy{}
	return v
}

// facts returns what a cluster's centre is to know, and the problems that show only when its workloads are placed.
func (s *clusterset) facts(c *folder.Cluster) ([]picture.Fact, []folder.Problem) {
	pods, problems := folder.Workloads(c)
	facts := c.Facts(pods)
	for _, p := range slices.Concat(s.problems[c.Folder], problems) {
		facts = append(facts, p.Complaint())
	}
	return facts, problems
}

// names returns the names of the clusters, sorted.
func (s *clusterset) names() []string { return slices.Sorted(maps.Keys(s.clusters)) }

// check refuses the name of a cluster that does not exist.
func (s *clusterset) check(cluster string) error {
	if s.clusters[cluster] == nil {
		return unknownCluster(cluster, s.names())
	}
	return nil
}

// happen lets an event happen to the clusterset and tells what is wrong with the file that it names.
func (a *app) happen(s *clusterset, e plan.Event) error {
	if e.Cluster != "" {
		if err := s.check(e.Cluster); err != nil {
			return err
		}
	}
	c := s.clusters[e.Cluster]
	var err error
	switch e.Verb {
	case plan.Delete:
		err = s.remove(c, e.Object)
	case plan.Apply:
		err = a.apply(s, c, e.File)
	default:
		s.fleet.Do(e)
	}
	s.fleet.Run(patience)
	return err
}

// remove takes the objects of one kind away whose name matches.
func (s *clusterset) remove(c *folder.Cluster, ref fleet.Ref) error {
	gone := func(o folder.Object) bool {
		matches, err := path.Match(ref.Name.String(), o.Ref().Name.String())
		return o.Ref().Kind == ref.Kind && matches && err == nil
	}
	keep := slices.DeleteFunc(slices.Clone(c.Objects), gone)
	if len(keep) == len(c.Objects) {
		return failure(instead(c, ref), "there is no %s in %s", ref, c.Name)
	}
	s.replace(c, keep)
	return nil
}

// instead returns a hint at what could have been meant: the nearest object of the kind, or the kinds that there are.
func instead(c *folder.Cluster, ref fleet.Ref) string {
	kinds, names := map[string]bool{}, []string{}
	for _, o := range c.Objects {
		kinds[o.Ref().Kind] = true
		if o.Ref().Kind == ref.Kind {
			names = append(names, o.Ref().Name.String())
		}
	}
	if len(names) == 0 {
		return fmt.Sprintf("%s has objects of the kinds %s", c.Name, strings.Join(slices.Sorted(maps.Keys(kinds)), ", "))
	}
	return fmt.Sprintf("try: delete %s %s in %s", ref.Kind, cmp.Or(nearest(ref.Name.String(), names), names[0]), c.Name)
}

// apply puts the objects of a file in the place of those with the same name, or beside them.
func (a *app) apply(s *clusterset, c *folder.Cluster, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the file to apply: %w", err)
	}
	added, problems := folder.ReadFile(file, text)
	for _, p := range problems {
		fmt.Fprintln(a.err, p)
	}
	if len(added) == 0 {
		return failure("write at least one Kubernetes object into it", "%s holds nothing to apply", file)
	}
	given := map[fleet.Ref]bool{}
	for _, o := range added {
		given[o.Ref()] = true
	}
	objects := slices.DeleteFunc(slices.Clone(c.Objects), func(o folder.Object) bool { return given[o.Ref()] })
	s.replace(c, append(objects, added...))
	return nil
}

// replace gives a cluster other objects.
func (s *clusterset) replace(c *folder.Cluster, objects []folder.Object) {
	next := *c
	next.Objects = objects
	s.clusters[c.Name] = &next
	facts, _ := s.facts(&next)
	s.fleet.Replace(c.Name, facts)
}
