package picture

import (
	"strings"
	"testing"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/route"
)

// The status of a Gateway follows the data plane: an address that it cannot open is not programmed, until it is.
func TestAnAddressThatCannotBeOpenedIsNotProgrammed(t *testing.T) {
	c := NewCentre(west(), Prior{})
	gw := gatewayObject("front", 8080, "*")
	gw.Spec.Listeners = append(gw.Spec.Listeners, *gw.Spec.Listeners[0].DeepCopy())
	gw.Spec.Listeners[1].Name, gw.Spec.Listeners[1].Port = "other", 9090
	name := fleet.Name{Namespace: "shop", Name: "front"}
	programmed := func(pic *Picture) string {
		st := pic.Status(fleet.Ref{Kind: "Gateway", Name: name})
		all := []string{conditionOf(st.Conditions, "Programmed")}
		for _, l := range st.Listeners {
			all = append(all, string(l.Name)+":"+conditionOf(l.Conditions, "Programmed"))
		}
		return strings.Join(all, " ")
	}

	pic, _, _ := c.Step([]Change{is(namespace("shop")), is(gw)}, start)
	if got, want := programmed(pic), "True/Programmed l0:True/Programmed other:True/Programmed"; got != want {
		t.Fatalf("programmed: %s, want %s", got, want)
	}
	shut := &Unopened{Server: route.ServerID{Gateway: name, Port: 8080}, Message: "another process listens there"}
	pic, _, _ = c.Step([]Change{is(shut)}, start)
	if got, want := programmed(pic), "False/AddressNotUsable l0:False/Pending other:True/Programmed"; got != want {
		t.Errorf("while it is shut: %s, want %s", got, want)
	}
	pic, _, _ = c.Step([]Change{gone(shut)}, start)
	if got, want := programmed(pic), "True/Programmed l0:True/Programmed other:True/Programmed"; got != want {
		t.Errorf("when it is open: %s, want %s", got, want)
	}
}

func conditionOf(conditions []fleet.Condition, kind string) string {
	for _, c := range conditions {
		if c.Type == kind {
			return string(c.Status) + "/" + c.Reason
		}
	}
	return "none"
}
