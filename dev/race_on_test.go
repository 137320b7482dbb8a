//go:build race

package dev

// slower is by how much the race detector slows everything down: as much less load is the same load.
const slower = 4
