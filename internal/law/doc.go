// Package law holds the tests that keep the structure: which package may import which, what the data plane must not know, and that
// every package says what it is.
package law
