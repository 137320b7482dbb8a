package mcs

import (
	"encoding/base64"
	"encoding/json"
	"slices"

	"fairlead.dev/fairlead/api/v1alpha1"
)

// Annotations by which a cluster's own objects keep what a restart needs (Restore).
const (
	// AnnotationRecords on a derived Service is what KeepRecords made.
	AnnotationRecords = "fairlead.dev/records"
	// AnnotationRecord on an imported EndpointSlice is what KeepPacked made, AnnotationSourceSlice the name of the EndpointSlice in its own
	// cluster.
	AnnotationRecord      = "fairlead.dev/record"
	AnnotationSourceSlice = "fairlead.dev/source-slice"
)

// All annotations of an object share 256 KiB; exported ones stand on the ServiceImport, not on the objects that keep records.
const (
	maxPlainRecords = 16 << 10
	maxKeptRecords  = 200 << 10
)

// KeepRecords returns the records of the other clusters that were merged into a service, as a JSON list of their specs; a list that is long
// is packed as base64 over zstd. It returns nothing where no other cluster exports. Should they still be more than an annotation holds, those of
// least precedence are left out: they are not known after a restart until the hub has told them again.
func (m *Merged) KeepRecords(own string) string {
	records := slices.DeleteFunc(slices.Clone(m.Records), func(s *v1alpha1.ServiceRecordSpec) bool { return s.Cluster == own })
	for len(records) > 0 {
		text, err := json.Marshal(records)
		if err != nil {
			panic("mcs: marshal records: " + err.Error())
		}
		if len(text) <= maxPlainRecords {
			return string(text)
		}
		if kept := base64.StdEncoding.EncodeToString(compressor().EncodeAll(text, nil)); len(kept) <= maxKeptRecords {
			return kept
		}
		records = records[:len(records)/2]
	}
	return ""
}

// KeepPacked returns the packed slice of an EndpointRecord as text.
func KeepPacked(r *v1alpha1.EndpointRecord) string {
	return base64.StdEncoding.EncodeToString(r.Spec.Packed)
}
