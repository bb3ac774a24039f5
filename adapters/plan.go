package adapters

import (
	"context"
	"fmt"

	"countersign/adapters/render"
	"countersign/review"
)

// Planner says where a note would go, in which bytes, and why it could not.
// It does no I/O and may be called concurrently.
type Planner struct {
	// Adapters by destination. A destination of the site without one is
	// refused when a note is signed, not found out when it is sent.
	Adapters map[review.DestinationID]Adapter
}

var _ review.Planner = Planner{}

// Plan implements [review.Planner]. Routes come in the order of the site's
// destinations. It fails only when ctx is done or the request names no note.
func (p Planner) Plan(ctx context.Context, r review.PlanRequest) (review.Plan, error) {
	if err := ctx.Err(); err != nil {
		return review.Plan{}, fmt.Errorf("plan write-back: %w", err)
	}
	if r.Note.ID == "" || r.Revision.Number == 0 {
		return review.Plan{}, review.Errorf(review.KindInvalid, "plan write-back: note id or revision is missing: plan a revision that exists")
	}
	plan := review.Plan{Renderings: []review.Rendering{render.Text(r)}}
	for _, d := range r.Site.Destinations {
		plan.Routes = append(plan.Routes, p.route(&plan, d, r))
	}
	return plan, nil
}

func (p Planner) route(plan *review.Plan, d review.Destination, r review.PlanRequest) review.Route {
	route := review.Route{DestinationID: d.ID, Adapter: d.Adapter, Action: r.Action, Format: review.FormatText}
	refuse := func(text string) {
		route.Refusals = append(route.Refusals, destinationName(d)+": "+text)
	}
	a := p.Adapters[d.ID]
	if a == nil {
		refuse("no adapter is configured for it: ask the operator to configure it, or to take it out of the site's destinations")
		return route
	}
	profile := a.Profile()
	for _, l := range profile.lacks(subject{d.ID, r.Action, r.Note.Type, r.Note.Confidential, r.Patient, r.Encounter, r.Author}) {
		refuse(l.text)
	}
	body, ok := renderFor(plan, profile.Formats, r)
	if !ok {
		refuse("it takes none of the formats a note can be written in: ask the operator to correct its adapter")
		return route
	}
	route.Format = body.Format
	if l, large := profile.tooLarge(len(body.Body)); large {
		refuse(l.text)
	}
	return route
}

// renderFor returns the rendering in the first format that can be made, and
// adds it to the plan when it is new there.
func renderFor(plan *review.Plan, formats []string, r review.PlanRequest) (review.Rendering, bool) {
	for _, f := range formats {
		if have, ok := plan.Rendering(f); ok {
			return have, true
		}
		if made, ok := render.As(f, r); ok {
			plan.Renderings = append(plan.Renderings, made)
			return made, true
		}
	}
	return review.Rendering{}, false
}

func destinationName(d review.Destination) string {
	if d.Name != "" {
		return d.Name
	}
	return string(d.ID)
}
