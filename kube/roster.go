package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/picture"
)

// rosterGather is how long changes of members gather before they are written.
const rosterGather = 2 * time.Second

// Roster keeps the members of the clusterset in the ConfigMap that Restore reads. It writes while Run runs, which is for the leader.
type Roster struct {
	client    client.Client
	namespace string
	log       *slog.Logger
	roused    chan struct{}

	mu      sync.Mutex
	members map[string]Acquaintance
}

// NewRoster returns a Roster that begins with what was restored.
func NewRoster(c client.Client, namespace string, restored map[string]Acquaintance, log *slog.Logger) *Roster {
	r := &Roster{client: c, namespace: namespace, log: log, roused: make(chan struct{}, 1), members: map[string]Acquaintance{}}
	maps.Copy(r.members, restored)
	return r
}

// Note takes a Member as the hub has it.
func (r *Roster) Note(m *v1alpha1.Member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.members[m.Spec.Cluster]
	a.Member = known(m)
	r.members[m.Spec.Cluster] = a
	rouse(r.roused)
}

// Use is an agent.Output: verdicts count where they changed, and a member that is in no picture is forgotten.
func (r *Roster) Use(pic *picture.Picture, changed []picture.Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range changed {
		if k.Kind != picture.KindMember {
			continue
		}
		m, a := pic.Member(k.Path), r.members[k.Path]
		switch {
		case m == nil:
			delete(r.members, k.Path)
		case a.Member != nil && (a.State.Verdict != m.Verdict || a.State.Since.IsZero()):
			a.State = lasting(m)
			r.members[k.Path] = a
		default:
			continue
		}
		rouse(r.roused)
	}
}

// Member returns what is known of one member; nil: nothing.
func (r *Roster) Member(cluster string) *v1alpha1.Member {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.members[cluster].Member
}

// Run writes until ctx ends.
func (r *Roster) Run(ctx context.Context) {
	var written map[string]string
	for {
		if want := r.data(); written == nil && len(want) > 0 || written != nil && !maps.Equal(want, written) {
			if err := r.write(ctx, want); err != nil {
				if ctx.Err() == nil {
					r.log.Warn("members not kept for a restart, trying again", "err", err)
				}
				rouse(r.roused)
			} else {
				written = want
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-r.roused:
		}
		if !sleep(ctx, rosterGather) {
			return
		}
	}
}

func (r *Roster) data() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	data := map[string]string{}
	for cluster, a := range r.members {
		if a.Member == nil {
			continue
		}
		text, err := json.Marshal(a)
		if err != nil {
			panic("kube: marshal a member: " + err.Error())
		}
		data[cluster] = string(text)
	}
	return data
}

func (r *Roster) write(ctx context.Context, data map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	config := &corev1.ConfigMap{}
	err := r.client.Get(ctx, client.ObjectKey{Namespace: r.namespace, Name: MembersConfigMap}, config)
	switch {
	case apierrors.IsNotFound(err):
		config.ObjectMeta = metav1.ObjectMeta{Namespace: r.namespace, Name: MembersConfigMap}
		config.Data = data
		err = r.client.Create(ctx, config)
	case err == nil && !maps.Equal(config.Data, data):
		config.Data = data
		err = r.client.Update(ctx, config)
	}
	if err != nil {
		return fmt.Errorf("write ConfigMap %s/%s: %w", r.namespace, MembersConfigMap, err)
	}
	return nil
}
