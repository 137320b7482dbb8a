package picture

// readers is a set of nodes. Nearly always there is one, for which a map would be large.
type readers struct {
	one  Key
	more map[Key]struct{}
}

func (r readers) with(node Key) readers {
	switch {
	case r.one == node:
	case r.one.Kind == "":
		r.one = node
	case r.more == nil:
		r.more = map[Key]struct{}{node: {}}
	default:
		r.more[node] = struct{}{}
	}
	return r
}

func (r readers) without(node Key) readers {
	if r.one == node {
		r.one = Key{}
	}
	if delete(r.more, node); len(r.more) == 0 {
		r.more = nil
	}
	return r
}

func (r readers) none() bool { return r.one.Kind == "" && r.more == nil }
