package reviewrpc

import (
	"cmp"
	"context"
	"slices"

	"countersign/review"

	countersignpb "countersign/proto/countersign/v1"
)

// sitesServer is the service Sites. A person belongs to one site.
type sitesServer struct {
	countersignpb.UnimplementedSitesServer
	sites Sites
}

var _ countersignpb.SitesServer = (*sitesServer)(nil)

// ListSites implements Sites.
func (s *sitesServer) ListSites(ctx context.Context, r *countersignpb.ListSitesRequest) (*countersignpb.ListSitesResponse, error) {
	p, size, err := readPage(r, 50, 200)
	if err != nil {
		return nil, err
	}
	_, site, err := s.own(ctx, "")
	if err != nil {
		return nil, err
	}
	out := &countersignpb.ListSitesResponse{}
	out.Sites, out.NextPageToken = cut([]*countersignpb.Site{wireSite(site)}, p, size)
	return out, nil
}

// GetSite implements Sites.
func (s *sitesServer) GetSite(ctx context.Context, r *countersignpb.GetSiteRequest) (*countersignpb.GetSiteResponse, error) {
	_, site, err := s.own(ctx, r.GetSiteId())
	if err != nil {
		return nil, err
	}
	return &countersignpb.GetSiteResponse{Site: wireSite(site)}, nil
}

// ListDestinations implements Sites.
func (s *sitesServer) ListDestinations(ctx context.Context, r *countersignpb.ListDestinationsRequest) (*countersignpb.ListDestinationsResponse, error) {
	_, site, err := s.own(ctx, r.GetSiteId())
	if err != nil {
		return nil, err
	}
	out := &countersignpb.ListDestinationsResponse{}
	for _, d := range site.Destinations {
		out.Destinations = append(out.Destinations, &countersignpb.Destination{
			DestinationId: string(d.ID), SiteId: string(site.ID), Name: d.Name, Adapter: d.Adapter, SafeToRepeat: d.RepeatSafe,
			Mode: enum[countersignpb.DestinationMode](countersignpb.DestinationMode_value, "DESTINATION_MODE_", string(d.Mode)),
		})
	}
	slices.SortFunc(out.Destinations, func(a, b *countersignpb.Destination) int {
		return cmp.Compare(a.GetDestinationId(), b.GetDestinationId())
	})
	return out, nil
}

// ListPractitioners implements Sites.
func (s *sitesServer) ListPractitioners(ctx context.Context, r *countersignpb.ListPractitionersRequest) (*countersignpb.ListPractitionersResponse, error) {
	p, size, err := readPage(r, 50, 200)
	if err != nil {
		return nil, err
	}
	a, err := actorOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := sameSite(a, r.GetSiteId()); err != nil {
		return nil, err
	}
	people, err := s.sites.Practitioners(ctx, a)
	if err != nil {
		return nil, err
	}
	people = slices.Clone(people)
	slices.SortFunc(people, func(a, b review.Practitioner) int { return cmp.Compare(a.ID, b.ID) })
	some, next := cut(people, p, size)
	out := &countersignpb.ListPractitionersResponse{NextPageToken: next}
	for _, x := range some {
		w := &countersignpb.Practitioner{
			PractitionerId: string(x.ID), Name: name(x.Family, x.Given), Npi: x.NPI, Credential: x.Credential, SupervisorId: string(x.Supervisor), Identifiers: identifiers(x.Identifiers),
		}
		for _, r := range x.Roles {
			w.Roles = append(w.Roles, role(r))
		}
		out.Practitioners = append(out.Practitioners, w)
	}
	return out, nil
}

// own is the caller's site, which must be the one asked for.
func (s *sitesServer) own(ctx context.Context, asked string) (review.Actor, review.Site, error) {
	a, err := actorOf(ctx)
	if err != nil {
		return a, review.Site{}, err
	}
	if err := sameSite(a, asked); err != nil {
		return a, review.Site{}, err
	}
	site, err := s.sites.Site(ctx, a)
	return a, site, err
}

func wireSite(s review.Site) *countersignpb.Site {
	at := s.Policy.FileAt
	if at == "" {
		at = review.FileAtCompletion
	}
	out := &countersignpb.Site{
		SiteId: string(s.ID), Name: s.Name, PolicyVersion: uint32(s.Policy.Version),
		FileAt: enum[countersignpb.FileAt](countersignpb.FileAt_value, "FILE_AT_", string(at)),
	}
	for _, r := range s.Policy.CoSignFor {
		out.CoSignRoles = append(out.CoSignRoles, role(r))
	}
	return out
}
