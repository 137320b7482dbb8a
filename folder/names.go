package folder

import (
	"fmt"
	"regexp"
)

var (
	label1123 = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	label1035 = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)
	subdomain = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	portName  = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	nameIANA  = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$`)
	// clusterID is an RFC 1123 label, or two joined by a dot (M2).
	clusterID = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$`)
)

// The refusals below say what is wrong with a value and what to write instead, or nothing.

func refuseLabel(name string) string {
	return refuse(label1123.MatchString(name), name, "lower-case letters, digits and '-', at most 63")
}

func refuseServiceName(name string) string {
	return refuse(label1035.MatchString(name), name, "lower-case letters, digits and '-', a letter first, at most 63")
}

func refuseSubdomain(name string) string {
	return refuse(len(name) <= 253 && subdomain.MatchString(name), name, "lower-case letters, digits, '-' and '.', at most 253")
}

func refusePortName(name string) string {
	return refuse(portName.MatchString(name), name, "lower-case letters, digits and '-', at most 63")
}

func refuse(ok bool, name, remedy string) string {
	switch {
	case ok:
		return ""
	case name == "":
		return "is missing, write a name of " + remedy
	}
	return fmt.Sprintf("%q is not a valid name, use %s", clip(name), remedy)
}

func refusePort(port int64) string {
	if port < 1 || port > 65535 {
		return fmt.Sprintf("%d is out of range, use 1 to 65535", port)
	}
	return ""
}
