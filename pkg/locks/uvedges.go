package locks

import "strings"

// maxUVMarkers is how many markers are joined for one package: a longer one
// would cost more to evaluate than it saves.
const maxUVMarkers = 8

// uvEdges says under which markers packages are needed.
type uvEdges struct {
	markers map[string][]string
	always  map[string]bool
}

// readUVEdges finds for each package that everybody needs only under a marker
// the marker under which anybody does. That is not the whole truth (who needs
// it may itself not be needed), and good enough to know what to read ahead.
func readUVEdges(packages []*node) (map[string]string, error) {
	e := uvEdges{markers: map[string][]string{}, always: map[string]bool{}}
	for _, p := range packages {
		if err := e.list(p, "dependencies"); err != nil {
			return nil, err
		}
		for _, key := range []string{"optional-dependencies", "dev-dependencies"} {
			groups, err := p.table(key)
			if err != nil {
				return nil, err
			}
			if groups == nil {
				continue
			}
			for _, k := range groups.keys {
				if err := e.list(groups, k.name); err != nil {
					return nil, err
				}
			}
		}
	}
	out := map[string]string{}
	for name, markers := range e.markers {
		if !e.always[name] {
			out[name] = joinMarkers("or", markers...)
		}
	}
	return out, nil
}

// list reads one list of dependencies.
func (e *uvEdges) list(of *node, key string) error {
	deps, err := of.tables(key)
	if err != nil {
		return err
	}
	for _, d := range deps {
		name, err := d.need("name", "a dependency")
		if err != nil {
			return err
		}
		marker, err := d.str("marker")
		if err != nil {
			return err
		}
		if marker == "" || len(e.markers[name]) == maxUVMarkers {
			e.always[name] = true
			continue
		}
		e.markers[name] = append(e.markers[name], marker)
	}
	return nil
}

// joinMarkers makes one marker of several; an empty one says nothing.
func joinMarkers(op string, markers ...string) string {
	var parts []string
	for _, m := range markers {
		if m != "" {
			parts = append(parts, m)
		}
	}
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return "(" + strings.Join(parts, ") "+op+" (") + ")"
}
