package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/fairlead/hub"
)

// errAbsent says that the hub does not serve a kind: it is no hub, or has lost its CRDs.
var errAbsent = errors.New("the hub does not serve Fairlead's kinds: install them with fairlead hub install")

// translate turns what went wrong into one of package hub's errors, with what the API server said. What cannot be told better means that the
// hub is not there: it may be tried again.
func translate(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return fmt.Errorf("%w: %w", hub.ErrDown, err)
	}
	var as error
	switch code := status.Status().Code; {
	case apierrors.IsResourceExpired(err), apierrors.IsGone(err), apierrors.HasStatusCause(err, metav1.CauseTypeResourceVersionTooLarge):
		as = hub.ErrExpired
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		as = hub.ErrConflict
	case code == http.StatusNotFound && named(status):
		as = hub.ErrNotFound
	case code == http.StatusNotFound:
		return fmt.Errorf("%w: %w: %w", hub.ErrDown, errAbsent, err)
	case code == http.StatusForbidden, code == http.StatusUnprocessableEntity, code == http.StatusBadRequest, code == http.StatusRequestEntityTooLarge:
		as = hub.ErrForbidden
	default:
		as = hub.ErrDown
	}
	return fmt.Errorf("%w: %w", as, err)
}

// named says whether an answer 404 is about one object, or its namespace, rather than about the whole kind: of a kind that it does not serve, an
// API server says nothing at all, and the client makes up the rest.
func named(s apierrors.APIStatus) bool {
	details := s.Status().Details
	return details != nil && details.Name != "" && !slices.ContainsFunc(details.Causes, func(c metav1.StatusCause) bool {
		return c.Type == metav1.CauseTypeUnexpectedServerResponse
	})
}

// unauthorized says whether the hub does not know the caller.
func unauthorized(err error) bool { return apierrors.IsUnauthorized(err) }
