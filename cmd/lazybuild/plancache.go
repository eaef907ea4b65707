package main

import (
	"fmt"
	"os"

	"github.com/lazybuild/lazybuild/pkg/plan"
)

// plansName is the directory beside the store's contents for kept plans.
const plansName = "plans"

// podmanName is that for what is remembered of podman.
const podmanName = "podman"

// leastPlan is the length in bytes of a tree's wire form, of some two hundred
// artifacts, from where on a plan is worth keeping: shorter ones are made in a
// few milliseconds.
const leastPlan = 128 << 10

// planCache is where plans are kept.
func (o *lazyOptions) planCache() plan.Cache {
	return plan.Cache{Dir: o.answersDir(plansName), Program: thisProgram(), Least: leastPlan, Found: o.found}
}

// thisProgram names this very executable; "" where that cannot be told. A build
// from changed sources has the same version, but never the same file.
func thisProgram() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprint(version, " ", path, " ", info.Size(), " ", info.ModTime().UnixNano(), " ", inode(info))
}
