package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"fairlead.dev/fairlead/manifest"
)

// version is that of the chart. Helm wants one.
const version = "0.1.0"

// The marks: an image that is an expression already, and counts of replicas that nobody would ask for.
const (
	imageMark = "{{ .Values.image }}"
	agentMark = 77001
	dnsMark   = 77002
	hubMark   = 77003
)

// values are the names under which values.yaml has what belongs to a Deployment.
var values = map[string]string{manifest.AgentName: "agent", manifest.DNSName: "dns", manifest.HubName: "hub"}

// files returns the chart: names within it, and texts.
func files() map[string]string {
	all := map[string]string{
		"Chart.yaml":          chartText(),
		"values.yaml":         valuesText(),
		"templates/NOTES.txt": notesText,
	}
	for _, crd := range append(manifest.MemberCRDs(), manifest.HubCRDs()...) {
		all["crds/"+crd.Name+".yaml"] = string(manifest.Document(crd))
	}
	for _, t := range pages() {
		all["templates/"+t.file] += t.text
	}
	return all
}

// page is one object as it stands in a template.
type page struct{ file, text string }

// pages returns the objects of member and hub, once each, in the order in which they are applied.
func pages() (all []page) {
	seen := map[string]bool{}
	add := func(objects []client.Object, condition func(client.Object) string) {
		for _, obj := range objects {
			kind := obj.GetObjectKind().GroupVersionKind().Kind
			id := kind + "/" + obj.GetNamespace() + "/" + obj.GetName()
			if _, crd := obj.(*apiextensionsv1.CustomResourceDefinition); crd || seen[id] {
				continue
			}
			seen[id] = true
			text := "---\n" + marked(obj)
			if c := condition(obj); c != "" {
				text = "{{- if " + c + " }}\n" + text + "{{- end }}\n"
			}
			all = append(all, page{strings.ToLower(kind) + ".yaml", text})
		}
	}
	add(manifest.Agent(manifest.AgentOptions{
		Image: imageMark, Replicas: agentMark, DNSReplicas: dnsMark, Gateways: true, NetworkPolicy: true,
	}), ofAgent)
	add(manifest.Hub(manifest.HubOptions{Image: imageMark, Replicas: hubMark}), func(client.Object) string { return ".Values.hub.enabled" })
	return all
}

// ofAgent says when an object of a member cluster is installed. Its namespace always is: it is the hub's too.
func ofAgent(obj client.Object) string {
	switch obj := obj.(type) {
	case *corev1.Namespace:
		return ""
	case *networkingv1.NetworkPolicy:
		return "and .Values.agent.enabled .Values.networkPolicy"
	default:
		if obj.GetName() == manifest.RoleGateways {
			return "and .Values.agent.enabled .Values.gateways"
		}
	}
	return ".Values.agent.enabled"
}

const gatewaysFlag = "        - --gateways\n"

var resources = regexp.MustCompile(`(?m)^( +)resources:\n(?:\s{10,}.*\n)+`)

// marked writes an object with the marks turned into Helm's expressions.
func marked(obj client.Object) string {
	text := strings.ReplaceAll(string(manifest.Document(obj)), "'"+imageMark+"'", imageMark)
	if _, runs := obj.(*appsv1.Deployment); !runs {
		return text
	}
	of := values[obj.GetName()]
	for _, mark := range []int{agentMark, dnsMark, hubMark} {
		text = strings.ReplaceAll(text, "replicas: "+strconv.Itoa(mark), "replicas: {{ .Values."+of+".replicas }}")
	}
	text = strings.ReplaceAll(text, gatewaysFlag, "{{- if .Values.gateways }}\n"+gatewaysFlag+"{{- end }}\n")
	return resources.ReplaceAllString(text, "${1}resources: {{- toYaml .Values."+of+".resources | nindent 10 }}\n")
}

func chartText() string {
	return fmt.Sprintf(`apiVersion: v2
name: fairlead
description: One service, one hostname and one policy over many Kubernetes clusters
type: application
version: %s
appVersion: %q
kubeVersion: ">=%s.0-0"
`, version, version, manifest.OldestKubernetes)
}

// valuesText returns the default values: those of package manifest.
func valuesText() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# The image of all that runs.\nimage: %s\n\n", manifest.Image)
	b.WriteString("# What stands in a member cluster. fairlead join makes the Secret fairlead-hub, which the agent waits for.\n")
	b.WriteString(deployed("agent", true, manifest.AgentName, manifest.Agent(manifest.AgentOptions{})))
	b.WriteString("\n# The names of clusterset.local, in the same clusters.\n")
	b.WriteString(strings.Replace(deployed("dns", false, manifest.DNSName, manifest.Agent(manifest.AgentOptions{})), "  enabled: false\n", "", 1))
	b.WriteString("\n# What makes this cluster the hub.\n")
	b.WriteString(deployed("hub", false, manifest.HubName, manifest.Hub(manifest.HubOptions{})))
	b.WriteString("\n# Lets agents read Gateways, their routes, and Secrets, for their certificates.\ngateways: false\n")
	b.WriteString("\n# Opens the ports of agents and DNS servers where the namespace denies all.\nnetworkPolicy: false\n")
	return b.String()
}

func deployed(of string, enabled bool, name string, objects []client.Object) string {
	for _, obj := range objects {
		d, ok := obj.(*appsv1.Deployment)
		if !ok || d.Name != name {
			continue
		}
		text, err := yaml.Marshal(d.Spec.Template.Spec.Containers[0].Resources)
		if err != nil {
			panic("chart: write resources: " + err.Error())
		}
		indented := "    " + strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "\n    ")
		return fmt.Sprintf("%s:\n  enabled: %t\n  replicas: %d\n  resources:\n%s\n", of, enabled, *d.Spec.Replicas, indented)
	}
	panic("chart: no Deployment " + name)
}

const notesText = `{{- if .Values.hub.enabled }}
This cluster is a hub. Let clusters in:

    fairlead join CLUSTER --hub-context HUB --context CONTEXT
{{- end }}
{{- if .Values.agent.enabled }}
The agent waits for its access to the hub, the Secret fairlead-hub in the namespace ` + manifest.Namespace + `, which this makes:

    fairlead join CLUSTER --hub-context HUB --context CONTEXT
{{- end }}
`
