package review

// State is where a note is in its life. The strings are in the database.
type State string

// The states of a note. For each: what it means, who moves it on, and what a
// crash leaves behind.
const (
	// StateDrafting: the recording is closed and a draft is owed. The worker
	// moves it on; after a crash the sweep publishes it again.
	StateDrafting State = "drafting"
	// StateDraftFailed: the drafter gave up. A person writes by hand,
	// redrafts or discards.
	StateDraftFailed State = "draft_failed"
	// StateReadyForReview: a draft is there and nobody has opened it.
	StateReadyForReview State = "ready_for_review"
	// StateInReview: a clinician has opened it; the newest revision may change.
	StateInReview State = "in_review"
	// StatePendingCoSign: the author has signed and another signature is due.
	// Nothing in it moves by a timer.
	StatePendingCoSign State = "pending_cosign"
	// StateHandedOver: filed as preliminary; the author signs it in the EHR.
	StateHandedOver State = "handed_over"
	// StateCompleted: every due signature is there. The revision never changes.
	StateCompleted State = "completed"
	// StateSuperseded: a completed amendment has taken its place.
	StateSuperseded State = "superseded"
	// StateDiscarded: thrown away before completion; what was sent is retracted.
	StateDiscarded State = "discarded"
	// StateUnauthenticated: the author is gone for good; archived by the
	// records office, never written as final.
	StateUnauthenticated State = "unauthenticated"
	// StateEnteredInError: completed and then withdrawn.
	StateEnteredInError State = "entered_in_error"
)

// States lists all states in the order above.
func States() []State {
	return []State{
		StateDrafting, StateDraftFailed, StateReadyForReview, StateInReview, StatePendingCoSign, StateHandedOver,
		StateCompleted, StateSuperseded, StateDiscarded, StateUnauthenticated, StateEnteredInError,
	}
}

// Final reports whether no action leaves the state.
func (s State) Final() bool {
	return s == StateDiscarded || s == StateUnauthenticated || s == StateEnteredInError
}

// Action is what is done to a note.
type Action string

// The actions. Those that end in "last" complete the due signatures.
const (
	ActionDraft          Action = "draft"           // the worker saves a draft
	ActionGiveUp         Action = "give_up"         // the worker cannot draft
	ActionWriteByHand    Action = "write_by_hand"   // a clinician starts from nothing
	ActionOpen           Action = "open"            // a clinician opens the draft
	ActionEdit           Action = "edit"            // the author changes text
	ActionConfirm        Action = "confirm"         // a flag is confirmed with a reason
	ActionSign           Action = "sign"            // the author signs; others are due
	ActionSignLast       Action = "sign_last"       // the author signs; nobody else is due
	ActionCoSign         Action = "co_sign"         // a co-signer signs; others are due
	ActionCoSignLast     Action = "co_sign_last"    // the last co-signer signs
	ActionReturn         Action = "return"          // a co-signer sends it back with a reason
	ActionRecall         Action = "recall"          // the author takes it back before the co-signature
	ActionCoSignerEdit   Action = "co_signer_edit"  // the co-signer changes text: a new revision, to be signed anew
	ActionDecline        Action = "decline"         // a co-signer declines; another becomes due
	ActionRelease        Action = "release"         // handed to the EHR to be signed there
	ActionTakeBack       Action = "take_back"       // taken back from the EHR before it was signed there
	ActionExternalSigned Action = "external_signed" // the EHR's signature was seen
	ActionRedraft        Action = "redraft"         // draft again
	ActionDiscard        Action = "discard"         // throw away with a reason
	ActionAbandon        Action = "unauthenticated" // the records office closes it without a signature
	ActionAddend         Action = "addend"          // opens a child note
	ActionAmend          Action = "amend"           // opens a child note that will replace it
	ActionSupersede      Action = "supersede"       // its amendment was completed
	ActionRetract        Action = "retract"         // withdrawn, with its own signature
)

// Actions lists all actions in the order above.
func Actions() []Action {
	return []Action{
		ActionDraft, ActionGiveUp, ActionWriteByHand, ActionOpen, ActionEdit, ActionConfirm, ActionSign, ActionSignLast,
		ActionCoSign, ActionCoSignLast, ActionReturn, ActionRecall, ActionCoSignerEdit, ActionDecline, ActionRelease,
		ActionTakeBack, ActionExternalSigned, ActionRedraft, ActionDiscard, ActionAbandon, ActionAddend, ActionAmend,
		ActionSupersede, ActionRetract,
	}
}

// Next is the whole life of a note: the state that an action leads to, or an
// error of KindIllegal. It is pure. Who may act, open flags, due signatures
// and reasons are checked by the use case before it; nothing else changes a
// state. The same table is in the database as a trigger.
//
// Rows are actions, columns states; "·" is illegal. Short names: dr drafting,
// df draft_failed, rr ready_for_review, ir in_review, pc pending_cosign, ho
// handed_over, co completed, su superseded, di discarded, un unauthenticated,
// ee entered_in_error.
//
//	action            dr  df  rr  ir  pc  ho  co  su  di  un  ee
//	draft             rr  ·   ·   ·   ·   ·   ·   ·   ·   ·   ·
//	give_up           df  ·   ·   ·   ·   ·   ·   ·   ·   ·   ·
//	write_by_hand     ·   ir  ·   ·   ·   ·   ·   ·   ·   ·   ·
//	open              ·   ·   ir  ir  pc  ho  co  su  ·   un  ee
//	edit              ·   ·   ·   ir  ·   ·   ·   ·   ·   ·   ·
//	confirm           ·   ·   ·   ir  ·   ·   ·   ·   ·   ·   ·
//	sign              ·   ·   ·   pc  ·   ·   ·   ·   ·   ·   ·
//	sign_last         ·   ·   ·   co  ·   ·   ·   ·   ·   ·   ·
//	co_sign           ·   ·   ·   ·   pc  ·   ·   ·   ·   ·   ·
//	co_sign_last      ·   ·   ·   ·   co  ·   ·   ·   ·   ·   ·
//	return            ·   ·   ·   ·   ir  ·   ·   ·   ·   ·   ·
//	recall            ·   ·   ·   ·   ir  ·   ·   ·   ·   ·   ·
//	co_signer_edit    ·   ·   ·   ·   ir  ·   ·   ·   ·   ·   ·
//	decline           ·   ·   ·   ·   pc  ·   ·   ·   ·   ·   ·
//	release           ·   ·   ·   ho  ·   ·   ·   ·   ·   ·   ·
//	take_back         ·   ·   ·   ·   ·   ir  ·   ·   ·   ·   ·
//	external_signed   ·   ·   ·   ·   ·   co  ·   ·   ·   ·   ·
//	redraft           ·   dr  dr  dr  ·   ·   ·   ·   ·   ·   ·
//	discard           ·   di  di  di  ·   di  ·   ·   ·   ·   ·
//	unauthenticated   un  un  un  un  un  un  ·   ·   ·   ·   ·
//	addend            ·   ·   ·   ·   ·   ·   co  ·   ·   ·   ·
//	amend             ·   ·   ·   ·   ·   ·   co  ·   ·   ·   ·
//	supersede         ·   ·   ·   ·   ·   ·   su  ·   ·   ·   ·
//	retract           ·   ·   ·   ·   ·   ·   ee  ee  ·   ·   ·
func Next(s State, a Action) (State, error) {
	if to := next(s, a); to != "" {
		return to, nil
	}
	return "", Errorf(KindIllegal, "%s: not possible while the note is %s", a, s)
}

func next(s State, a Action) State {
	in := func(states ...State) bool {
		for _, x := range states {
			if s == x {
				return true
			}
		}
		return false
	}
	switch a {
	case ActionDraft:
		return when(in(StateDrafting), StateReadyForReview)
	case ActionGiveUp:
		return when(in(StateDrafting), StateDraftFailed)
	case ActionWriteByHand:
		return when(in(StateDraftFailed), StateInReview)
	case ActionOpen:
		if in(StateReadyForReview) {
			return StateInReview
		}
		return when(in(StateInReview, StatePendingCoSign, StateHandedOver, StateCompleted, StateSuperseded, StateUnauthenticated, StateEnteredInError), s)
	case ActionEdit, ActionConfirm:
		return when(in(StateInReview), s)
	case ActionSign:
		return when(in(StateInReview), StatePendingCoSign)
	case ActionSignLast:
		return when(in(StateInReview), StateCompleted)
	case ActionCoSign, ActionDecline:
		return when(in(StatePendingCoSign), s)
	case ActionCoSignLast:
		return when(in(StatePendingCoSign), StateCompleted)
	case ActionReturn, ActionRecall, ActionCoSignerEdit:
		return when(in(StatePendingCoSign), StateInReview)
	case ActionRelease:
		return when(in(StateInReview), StateHandedOver)
	case ActionTakeBack:
		return when(in(StateHandedOver), StateInReview)
	case ActionExternalSigned:
		return when(in(StateHandedOver), StateCompleted)
	case ActionRedraft:
		return when(in(StateDraftFailed, StateReadyForReview, StateInReview), StateDrafting)
	case ActionDiscard:
		return when(in(StateDraftFailed, StateReadyForReview, StateInReview, StateHandedOver), StateDiscarded)
	case ActionAbandon:
		return when(in(StateDrafting, StateDraftFailed, StateReadyForReview, StateInReview, StatePendingCoSign, StateHandedOver), StateUnauthenticated)
	case ActionAddend, ActionAmend:
		return when(in(StateCompleted), s)
	case ActionSupersede:
		return when(in(StateCompleted), StateSuperseded)
	case ActionRetract:
		return when(in(StateCompleted, StateSuperseded), StateEnteredInError)
	}
	return ""
}

func when(ok bool, s State) State {
	if ok {
		return s
	}
	return ""
}

// Transition is one legal change of state.
type Transition[S ~string] struct{ From, To S }

// Transitions lists every pair of different states that some action joins,
// in table order. The database triggers are generated from it.
func Transitions() []Transition[State] {
	var out []Transition[State]
	for _, from := range States() {
		for _, to := range States() {
			for _, a := range Actions() {
				if from != to && next(from, a) == to {
					out = append(out, Transition[State]{from, to})
					break
				}
			}
		}
	}
	return out
}

// InitialStates are the states a note may be created in: a recording that
// was closed, or a child note and a note written by hand.
func InitialStates() []State { return []State{StateDrafting, StateInReview} }
