package kube

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Event is something that people should hear of. About is the object that it is told of; nil: the cluster's membership as a whole, for
// which stands the ConfigMap of the roster.
type Event struct {
	Type    string // corev1.EventTypeNormal or corev1.EventTypeWarning
	Reason  string // a CamelCase word
	Message string
	About   *corev1.ObjectReference
}

// The bounds of what is told: an event that would be one too many is dropped, and so is one that was told a short while ago.
const (
	eventBacklog = 256
	eventAgain   = 5 * time.Minute
	maxNote      = 1024
)

// Recorder writes events while it runs. Its method Tell is safe for concurrent use and never blocks.
type Recorder struct {
	client   client.Client
	about    corev1.ObjectReference // where an event names no object
	instance string
	log      *slog.Logger
	events   chan Event
	running  atomic.Bool
}

// NewRecorder returns a Recorder. about is the ConfigMap that stands for events which name no object, instance this process.
func NewRecorder(c client.Client, about corev1.ObjectReference, instance string, log *slog.Logger) *Recorder {
	return &Recorder{client: c, about: about, instance: instance, log: log, events: make(chan Event, eventBacklog)}
}

// Tell takes an event. While the recorder does not run, another replica tells it.
func (r *Recorder) Tell(e Event) {
	if !r.running.Load() {
		return
	}
	select {
	case r.events <- e:
	default:
	}
}

// Run writes events until ctx ends: the leader's does.
func (r *Recorder) Run(ctx context.Context) {
	r.running.Store(true)
	defer r.running.Store(false)
	told := map[Event]time.Time{}
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-r.events:
			now := time.Now()
			for k, at := range told {
				if now.Sub(at) > eventAgain {
					delete(told, k)
				}
			}
			about := r.subject(ctx, e)
			key := Event{Type: e.Type, Reason: e.Reason, Message: about.Namespace + "/" + about.Name + " " + e.Message}
			if _, again := told[key]; again {
				continue
			}
			told[key] = now
			r.write(ctx, e, about, now)
		}
	}
}

// subject returns what an event is about. A person who describes an object sees the events that name its uid.
func (r *Recorder) subject(ctx context.Context, e Event) corev1.ObjectReference {
	if e.About != nil {
		return *e.About
	}
	if r.about.UID == "" {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		var config corev1.ConfigMap
		if r.client.Get(ctx, client.ObjectKey{Namespace: r.about.Namespace, Name: r.about.Name}, &config) == nil {
			r.about.UID = config.UID
		}
	}
	return r.about
}

func (r *Recorder) write(ctx context.Context, e Event, about corev1.ObjectReference, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	namespace := about.Namespace
	if namespace == "" {
		namespace = metav1.NamespaceDefault
	}
	if len(e.Message) > maxNote {
		e.Message = strings.ToValidUTF8(e.Message[:maxNote-3], "") + "..."
	}
	err := r.client.Create(ctx, &eventsv1.Event{
		ObjectMeta:          metav1.ObjectMeta{Namespace: namespace, GenerateName: "fairlead-"},
		EventTime:           metav1.NewMicroTime(now),
		ReportingController: "fairlead.dev/agent",
		ReportingInstance:   r.instance,
		Action:              e.Reason,
		Reason:              e.Reason,
		Regarding:           about,
		Note:                e.Message,
		Type:                e.Type,
	})
	if err != nil && ctx.Err() == nil {
		r.log.Debug("event not written", "reason", e.Reason, "err", err)
	}
}
