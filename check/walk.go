package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/client-go/kubernetes"

	"fairlead.dev/fairlead/manifest"
)

// Walk is where pods are sent, and what they are to try.
type Walk struct {
	// Places are the clusters; each pod tries the way to a pod of every other one. Names are what they are called.
	Places []Place
	Names  []string
	// Image has the program fairlead in it.
	Image string
	// Hub is the URL of the hub's API as pods should reach it; empty: not tried.
	Hub string
	// Beacons are targets besides the pods that are sent, by the cluster that they are in.
	Beacons []Target
	// Patience bounds how long a pod may take to run; 0: a minute.
	Patience time.Duration
	// Say takes a line of progress; it may be nil.
	Say func(string)
}

// errPatience says that a pod did not come as far as it was waited for.
var errPatience = errors.New("it did not run in time")

// Send sends one pod to each cluster that answers, then one that asks, and takes them away again. What a cluster does not let be done is
// told in its Walked.
func (w Walk) Send(ctx context.Context) []Walked {
	if w.Patience == 0 {
		w.Patience = time.Minute
	}
	camps, walked := make([]*camp, len(w.Places)), make([]Walked, len(w.Places))
	w.each(func(i int) {
		walked[i].From = w.Names[i]
		c, err := w.pitch(ctx, i)
		if err != nil {
			walked[i].Err = err.Error()
		}
		camps[i] = c
	})
	w.each(func(i int) {
		if c := camps[i]; c != nil && walked[i].Err == "" {
			report, err := w.ask(ctx, c, w.targets(i, camps))
			if err != nil {
				walked[i].Err = err.Error()
			} else {
				walked[i].Report = *report
			}
		}
	})
	w.each(func(i int) {
		if camps[i] != nil {
			camps[i].strike()
		}
	})
	return walked
}

func (w Walk) each(do func(i int)) {
	var running sync.WaitGroup
	for i := range w.Places {
		running.Go(func() { do(i) })
	}
	running.Wait()
}

func (w Walk) say(format string, args ...any) {
	if w.Say != nil {
		w.Say(fmt.Sprintf(format, args...))
	}
}

// targets are the pods of the other clusters, and their beacons.
func (w Walk) targets(own int, camps []*camp) (all []Target) {
	for i, c := range camps {
		if i != own && c != nil && c.ip != "" {
			all = append(all, Target{To: w.Names[i], Address: net.JoinHostPort(c.ip, strconv.Itoa(manifest.PortBeacon))})
		}
	}
	for _, b := range w.Beacons {
		if b.To != w.Names[own] {
			all = append(all, b)
		}
	}
	return all
}

// camp is what stands in one cluster for the time of a walk.
type camp struct {
	core      kubernetes.Interface
	namespace string
	own       bool // the namespace was made for it
	pods      []string
	ip        string // of the pod that answers
}

// pitch makes sure of a namespace and lets a pod run there that answers. The camp is returned with an error too: something of it may
// stand.
func (w Walk) pitch(ctx context.Context, i int) (*camp, error) {
	core, err := kubernetes.NewForConfig(w.Places[i].Config)
	if err != nil {
		return nil, fmt.Errorf("reach the API: %w", err)
	}
	c := &camp{core: core, namespace: manifest.Namespace}
	_, err = core.CoreV1().Namespaces().Get(ctx, c.namespace, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
			GenerateName: "fairlead-check-", Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
		}}
		if ns, err = core.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{}); err == nil {
			c.namespace, c.own = ns.Name, true
		}
	}
	if err != nil {
		return c, fmt.Errorf("make a namespace: %w", err)
	}
	w.say("%s: starting a pod in namespace %s", w.Names[i], c.namespace)
	name, err := c.run(ctx, w.Image, []string{"check", "probe", "--serve", fmt.Sprintf(":%d", manifest.PortBeacon)})
	if err != nil {
		return c, err
	}
	p, err := c.await(ctx, name, w.Patience, func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodRunning && p.Status.PodIP != "" })
	if err != nil {
		return c, err
	}
	c.ip = p.Status.PodIP
	return c, nil
}

// ask lets a second pod run that tries the targets, and reads what it saw.
func (w Walk) ask(ctx context.Context, c *camp, targets []Target) (*Report, error) {
	args := []string{"check", "probe", "--hub", w.Hub}
	for _, t := range targets {
		args = append(args, "--to", t.To+"="+t.Address)
	}
	name, err := c.run(ctx, w.Image, args)
	if err != nil {
		return nil, err
	}
	over := func(p *corev1.Pod) bool {
		return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
	}
	if _, err := c.await(ctx, name, w.Patience, over); err != nil {
		return nil, err
	}
	text, err := c.core.CoreV1().Pods(c.namespace).GetLogs(name, &corev1.PodLogOptions{}).DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("read what pod %s saw: %w", name, err)
	}
	report := new(Report)
	if err := json.Unmarshal(text, report); err != nil {
		return nil, fmt.Errorf("read what pod %s saw: it printed %q", name, clipped(text))
	}
	return report, nil
}

func clipped(text []byte) string {
	return strings.TrimSpace(string(text[:min(len(text), 200)]))
}

// run makes a pod, as little as a pod can be, that ends by itself if nobody takes it away.
func (c *camp) run(ctx context.Context, image string, args []string) (string, error) {
	yes, no, lifetime, nobody := true, false, int64(600), int64(65532)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "fairlead-check-" + rand.String(6), Labels: map[string]string{"app": "fairlead-check"}},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever, ActiveDeadlineSeconds: &lifetime, AutomountServiceAccountToken: &no, EnableServiceLinks: &no,
			TerminationGracePeriodSeconds: new(int64),
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: &yes, RunAsUser: &nobody, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name: "check", Image: image, ImagePullPolicy: corev1.PullIfNotPresent, Args: args,
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		},
	}
	if _, err := c.core.CoreV1().Pods(c.namespace).Create(ctx, pod, metav1.CreateOptions{}); err != nil {
		return "", fmt.Errorf("make a pod: %w", err)
	}
	c.pods = append(c.pods, pod.Name)
	return pod.Name, nil
}

// await looks at a pod until it is as wanted. What keeps it from that is told: an image that is not there will not come by waiting.
func (c *camp) await(ctx context.Context, name string, patience time.Duration, done func(*corev1.Pod) bool) (*corev1.Pod, error) {
	end := time.Now().Add(patience)
	for {
		p, err := c.core.CoreV1().Pods(c.namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return nil, fmt.Errorf("look at pod %s: %w", name, err)
		}
		why, hopeless := stuck(p)
		switch {
		case done(p):
			return p, nil
		case p.Status.Phase == corev1.PodFailed, hopeless, time.Now().After(end):
			return nil, fmt.Errorf("pod %s: %w: %s", name, errPatience, why)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// stuck says why a pod does not run, and whether it will not.
func stuck(p *corev1.Pod) (why string, hopeless bool) {
	for _, s := range p.Status.ContainerStatuses {
		if w := s.State.Waiting; w != nil && w.Reason != "ContainerCreating" {
			return strings.TrimSpace(w.Reason + " " + w.Message), strings.HasPrefix(w.Reason, "ErrImage") || w.Reason == "ImagePullBackOff" || w.Reason == "InvalidImageName"
		}
		if t := s.State.Terminated; t != nil {
			return fmt.Sprintf("it ended with status %d %s", t.ExitCode, t.Message), false
		}
	}
	for _, s := range p.Status.Conditions {
		if s.Type == corev1.PodScheduled && s.Status != corev1.ConditionTrue {
			return strings.TrimSpace(s.Reason + " " + s.Message), false
		}
	}
	return "it is " + strings.ToLower(string(p.Status.Phase)), false
}

// strike takes away what stands, also where the walk was broken off.
func (c *camp) strike() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	now := metav1.DeleteOptions{GracePeriodSeconds: new(int64)}
	for _, p := range c.pods {
		_ = c.core.CoreV1().Pods(c.namespace).Delete(ctx, p, now)
	}
	if c.own {
		_ = c.core.CoreV1().Namespaces().Delete(ctx, c.namespace, metav1.DeleteOptions{})
	}
}
