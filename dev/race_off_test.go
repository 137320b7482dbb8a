//go:build !race

package dev

const slower = 1
