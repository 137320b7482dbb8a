package manifest

import (
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
)

// Expressions that several policies use. hub.Namespace makes the names that isMember knows.
const (
	isMember     = `request.userInfo.username.matches('^system:serviceaccount:member-[0-9a-v]{16}:` + MemberAccount + `$')`
	inOwnSpace   = `request.userInfo.username == 'system:serviceaccount:' + request.namespace + ':` + MemberAccount + `'`
	deleting     = `request.operation == 'DELETE'`
	foreignSpace = "a member writes in its own namespace only"
)

// hubPolicies hold the writes of members to what a Member allows. They look at the identities of members and at nobody else: the fleet's
// operator is held by RBAC alone. A policy that cannot be evaluated refuses.
func hubPolicies() []client.Object {
	var objects []client.Object
	for _, p := range []policy{recordPolicy(), deletionPolicy(), memberPolicy(), leasePolicy(), tokenPolicy()} {
		objects = append(objects, p.objects()...)
	}
	return objects
}

// recordPolicy says whose a record is. It reads the Member of the record's namespace; where there is none, nothing is written. The fence
// compares with the marker that the API server's own cache of Members holds, a few milliseconds old: a writer that overtakes it is
// still stopped by the resource version that every change is conditional on (DESIGN §4).
//
// It does not look at deletions: an API server asks for the Member before it asks who somebody is, and would keep everybody else too from
// deleting a namespace whose Member went first.
func recordPolicy() policy {
	return policy{
		name:  "fairlead-records",
		rules: []admissionv1.NamedRuleWithOperations{on(v1alpha1.Group, allWrites[:2], "servicerecords", "endpointrecords")},
		who:   isMember,
		param: &admissionv1.ParamKind{APIVersion: v1alpha1.APIVersion, Kind: "Member"},
		checks: []admissionv1.Validation{
			says(inOwnSpace, foreignSpace),
			tells(`object.spec.cluster == params.spec.cluster`,
				`'spec.cluster must be ' + params.spec.cluster + ': a member writes its own records only'`),
			tells(`!params.spec.?pending.orValue(false)`,
				`'member ' + params.spec.cluster + ' is not approved yet: fairlead approve ' + params.spec.cluster`),
			tells(`!params.spec.?leaving.orValue(false)`,
				`'member ' + params.spec.cluster + ' is leaving: it may only delete its records'`),
			tells(`params.spec.?namespaces.orValue([]).size() == 0 || object.spec.namespace in params.spec.namespaces`,
				`'spec.namespaces of Member ' + params.spec.cluster + ' does not grant namespace ' + object.spec.namespace + ': add it there'`),
			says(`(`+label(v1alpha1.LabelCluster)+` == object.spec.cluster && `+
				label(v1alpha1.LabelNamespace)+` == object.spec.namespace && `+
				label(v1alpha1.LabelService)+` == (request.resource.resource == 'servicerecords' ? object.spec.name : object.spec.service))`,
				"the labels "+v1alpha1.LabelCluster+", "+v1alpha1.LabelNamespace+" and "+v1alpha1.LabelService+" must repeat the spec"),
			// Either would let a member keep its namespace from being deleted when it leaves.
			says(`(object.metadata.?finalizers.orValue([]).size() == 0 && object.metadata.?ownerReferences.orValue([]).size() == 0)`,
				"a record has neither finalizers nor owners"),
			says(term+`.matches('^[0-9]{1,18}$')`, "the annotation "+hub.AnnotationTerm+" must be the writer's term"),
			tells(`!`+term+`.matches('^[0-9]{1,18}$') || int(`+term+`) >= params.?status.?marker.?term.orValue(0)`,
				`'a newer term writes for member ' + params.spec.cluster`),
		},
	}
}

// deletionPolicy lets a member delete its own records.
func deletionPolicy() policy {
	return policy{
		name:   "fairlead-deletions",
		rules:  []admissionv1.NamedRuleWithOperations{on(v1alpha1.Group, []admissionv1.OperationType{admissionv1.Delete}, "servicerecords", "endpointrecords")},
		who:    isMember,
		checks: []admissionv1.Validation{says(inOwnSpace, foreignSpace)},
	}
}

// term is what the writer says its term is.
const term = `object.metadata.?annotations[?'` + hub.AnnotationTerm + `'].orValue('')`

func label(key string) string { return `object.metadata.?labels[?'` + key + `'].orValue('')` }

// memberPolicy leaves a member the status of its own Member. The marker only goes forward; on a hub that was made anew there is none yet.
func memberPolicy() policy {
	const old, now = `oldObject.?status.?marker.`, `object.?status.?marker.`
	return policy{
		name:  "fairlead-members",
		rules: []admissionv1.NamedRuleWithOperations{on(v1alpha1.Group, allWrites, "members", "members/*")},
		who:   isMember,
		checks: []admissionv1.Validation{
			says(inOwnSpace, foreignSpace),
			says(`request.operation == 'UPDATE' && request.?subResource.orValue('') == 'status'`,
				"a member writes the status of its Member; the rest is the fleet operator's"),
			says(deleting+` || `+now+`?term.orValue(0) >= `+old+`?term.orValue(0)`, "a newer term writes for this member"),
			says(deleting+` || `+now+`?sequence.orValue(0) >= `+old+`?sequence.orValue(0)`, "status.marker.sequence never goes backwards"),
		},
	}
}

// leasePolicy lets a member create its heartbeat, and no other Lease.
func leasePolicy() policy {
	return policy{
		name:      "fairlead-leases",
		rules:     []admissionv1.NamedRuleWithOperations{on("coordination.k8s.io", allWrites, "leases")},
		inMembers: true,
		who:       isMember,
		checks: []admissionv1.Validation{
			says(inOwnSpace, foreignSpace),
			says(`request.name == '`+MemberLease+`' || (request.operation == 'CREATE' && object.metadata.name == '`+MemberLease+`')`,
				"a member has one Lease, its heartbeat: "+MemberLease),
			says(deleting+` || object.metadata.?finalizers.orValue([]).size() == 0`, "a heartbeat has no finalizers"),
		},
	}
}

// tokenPolicy bounds what a stolen token is good for: it can be used to get another one of a day at most, and no longer than the account
// exists.
func tokenPolicy() policy {
	return policy{
		name: "fairlead-tokens",
		rules: []admissionv1.NamedRuleWithOperations{
			on("", []admissionv1.OperationType{admissionv1.Create}, "serviceaccounts/token"),
		},
		inMembers: true,
		who:       isMember,
		checks: []admissionv1.Validation{
			says(inOwnSpace+` && request.name == '`+MemberAccount+`'`, "a member renews its own token only"),
			says(`object.spec.expirationSeconds <= 86400`, "a member's token lasts a day at most: renew it in time"),
		},
	}
}

// agentPolicy keeps the agent, in its own cluster, to the objects that carry Fairlead's label, and its Services to ones that only stand
// for endpoints elsewhere: RBAC cannot tell them from the others'.
func agentPolicy() policy {
	return policy{
		name: AgentName,
		rules: []admissionv1.NamedRuleWithOperations{
			on("", allWrites, "services"), on("discovery.k8s.io", allWrites, "endpointslices"),
		},
		who: `request.userInfo.username == 'system:serviceaccount:` + Namespace + `:` + AgentName + `'`,
		checks: []admissionv1.Validation{
			says(`request.operation == 'CREATE' || `+owned("oldObject"), "the agent changes and deletes only what carries the label "+LabelManagedBy+"="+ManagedBy),
			says(deleting+` || `+owned("object"), "the agent writes only what carries the label "+LabelManagedBy+"="+ManagedBy),
			says(deleting+` || request.resource.resource != 'services' || (object.spec.type == 'ClusterIP' &&
				object.spec.?selector.orValue({}).size() == 0 && object.spec.?externalIPs.orValue([]).size() == 0)`,
				"the agent's Services are of type ClusterIP, without a selector and without external IPs"),
		},
	}
}

// owned says that an object is Fairlead's. EndpointSlices say it by a label of their own as well.
func owned(object string) string {
	return `(` + object + `.metadata.?labels[?'` + LabelManagedBy + `'].orValue('') == '` + ManagedBy + `' || ` +
		object + `.metadata.?labels[?'endpointslice.kubernetes.io/managed-by'].orValue('') == '` + ManagedBy + `')`
}

var allWrites = []admissionv1.OperationType{admissionv1.Create, admissionv1.Update, admissionv1.Delete}

// policy is a ValidatingAdmissionPolicy with its binding.
type policy struct {
	name      string
	rules     []admissionv1.NamedRuleWithOperations
	inMembers bool   // only in the namespaces of members, so that it is not evaluated for what is busy elsewhere
	who       string // whose requests it looks at
	param     *admissionv1.ParamKind
	checks    []admissionv1.Validation
}

func (p policy) objects() []client.Object {
	kind := func(k string) metav1.TypeMeta {
		return metav1.TypeMeta{APIVersion: admissionv1.SchemeGroupVersion.String(), Kind: k}
	}
	match := &admissionv1.MatchResources{ResourceRules: p.rules}
	if p.inMembers {
		match.NamespaceSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: v1alpha1.LabelCluster, Operator: metav1.LabelSelectorOpExists},
		}}
	}
	bound := admissionv1.ValidatingAdmissionPolicyBindingSpec{
		PolicyName: p.name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
	}
	if p.param != nil {
		// No namespace: that of the object. All Members in it, which is one.
		bound.ParamRef = &admissionv1.ParamRef{Selector: &metav1.LabelSelector{}, ParameterNotFoundAction: new(admissionv1.DenyAction)}
	}
	return []client.Object{
		&admissionv1.ValidatingAdmissionPolicy{
			TypeMeta: kind("ValidatingAdmissionPolicy"), ObjectMeta: global(p.name),
			Spec: admissionv1.ValidatingAdmissionPolicySpec{
				ParamKind: p.param, MatchConstraints: match, Validations: p.checks, FailurePolicy: new(admissionv1.Fail),
				MatchConditions: []admissionv1.MatchCondition{{Name: "who", Expression: p.who}},
			},
		},
		&admissionv1.ValidatingAdmissionPolicyBinding{
			TypeMeta: kind("ValidatingAdmissionPolicyBinding"), ObjectMeta: global(p.name), Spec: bound,
		},
	}
}

func on(group string, operations []admissionv1.OperationType, resources ...string) admissionv1.NamedRuleWithOperations {
	return admissionv1.NamedRuleWithOperations{RuleWithOperations: admissionv1.RuleWithOperations{
		Operations: operations, Rule: admissionv1.Rule{APIGroups: []string{group}, APIVersions: []string{"*"}, Resources: resources},
	}}
}

// says refuses with a sentence, tells with one that an expression makes.
func says(expression, message string) admissionv1.Validation {
	return admissionv1.Validation{Expression: expression, Message: message, Reason: new(metav1.StatusReasonForbidden)}
}

func tells(expression, message string) admissionv1.Validation {
	return admissionv1.Validation{Expression: expression, MessageExpression: message, Reason: new(metav1.StatusReasonForbidden)}
}
