package route

import gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

// compileMirror compiles a RequestMirror; a mirror of a share of 0 is left out by the caller.
func compileMirror(v View, namespace string, f *gatewayv1.HTTPRequestMirrorFilter) (m Mirror, invalid, unresolved problems) {
	m.Group, invalid, unresolved = resolve(v, namespace, &f.BackendRef)
	invalid.under("backendRef")
	unresolved.under("backendRef")
	var bad problems
	m.Numerator, m.Denominator, bad = share(f)
	return m, append(invalid, bad...), unresolved
}

// share is which part of the requests is mirrored: all of them unless the filter says otherwise.
func share(f *gatewayv1.HTTPRequestMirrorFilter) (numerator, denominator uint32, ps problems) {
	switch {
	case f.Percent != nil && f.Fraction != nil:
		return 0, 1, unsupported("fraction", "is set beside percent; keep one of them")
	case f.Percent != nil:
		if *f.Percent < 0 || *f.Percent > 100 {
			return 0, 1, unsupported("percent", "is %d; write a number from 0 to 100", *f.Percent)
		}
		return uint32(*f.Percent), 100, nil
	case f.Fraction != nil:
		over, under := f.Fraction.Numerator, deref(f.Fraction.Denominator, 100)
		switch {
		case under < 1:
			return 0, 1, unsupported("fraction.denominator", "is %d; write a number from 1", under)
		case over < 0 || over > under:
			return 0, 1, unsupported("fraction.numerator", "is %d; write a number from 0 to the denominator, %d", over, under)
		}
		return uint32(over), uint32(under), nil
	}
	return 1, 1, nil
}
