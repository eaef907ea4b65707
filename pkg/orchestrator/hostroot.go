package orchestrator

import "github.com/lazybuild/lazybuild/pkg/wire"

// hostInProxy is where the proxy container has the machine's root directory
// when it is to run the machine's createrepo_c. The image has no programs.
const hostInProxy = "/host"

// hostBinds are the machine's root directory, read-only, and the store in it,
// which createrepo_c writes to.
func (o *Options) hostBinds() []bind {
	if o.RPMMetadata != wire.Createrepo {
		return nil
	}
	return []bind{
		{"/", hostInProxy, []string{"bind", "private", "ro"}},
		{o.Store, hostInProxy + o.Store, []string{"bind", "private", "rw"}},
	}
}

// hostRoot is what the proxy is told of it.
func (o *Options) hostRoot() string {
	if o.RPMMetadata != wire.Createrepo {
		return ""
	}
	return hostInProxy
}
