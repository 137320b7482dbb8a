package folder

import (
	"slices"
	"strings"
)

// nearest returns the candidate that a writer most likely meant, or an empty string where none is near: at most a third of the
// letters wrong, letter case counting half, or else the only one that has the word in it. Ties go to the first in order.
func nearest(word string, candidates []string) string {
	best, bound := "", max(1, len(word)/3)*2+1
	var around []string
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		d := distance(word, c)
		if strings.EqualFold(word, c) {
			d = 0
		}
		if d < bound {
			best, bound = c, d
		}
		if len(word) > 3 && strings.Contains(strings.ToLower(c), strings.ToLower(word)) {
			around = append(around, c)
		}
	}
	if best == "" && len(around) == 1 {
		return around[0]
	}
	return best
}

// didYouMean returns a remedy that names the nearest candidate, or all of them where none is near.
func didYouMean(word string, candidates []string) string {
	if n := nearest(word, candidates); n != "" {
		return "did you mean " + n + "?"
	}
	return "use " + oneOf(candidates)
}

// oneOf lists words: a, b or c.
func oneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// distance is the edit distance in half steps: 2 for a letter added, dropped, changed or swapped with its neighbour, 1 for its case.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 1 << 20 // nobody means such a word
	}
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = 2 * j
	}
	for i := range len(a) {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = 2 * (i + 1)
		for j := range len(b) {
			row[j+1] = min(last[j+1]+2, row[j]+2, last[j]+change(a[i], b[j]))
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+2)
			}
		}
	}
	return row[len(b)]
}

func change(a, b byte) int {
	switch {
	case a == b:
		return 0
	case a|0x20 == b|0x20 && 'a' <= a|0x20 && a|0x20 <= 'z':
		return 1
	}
	return 2
}
