package fetch

import "context"

func (d *download) segmented() bool                          { return false }
func (d *download) inSegments(context.Context) (bool, error) { return false, nil }
