# Values
today = today
ago = { $span } ago
left = { $span } left
late-by = { $span } late
span-seconds = { $n } s
span-minutes = { $n } min
span-hours = { $n } h
span-days = { $n ->
    [one] { $n } day
   *[other] { $n } days
}
pieces = { $n ->
    [one] { $n } pc
   *[other] { $n } pcs
}

# Acts
act-receive = Receive
act-put_away = Put away
act-check_out = Check out
act-return = Return
act-move = Move
act-count = Count

# Directions at a door
direction-in = In
direction-out = Out
direction-unknown = Direction unknown

# Kinds of lines
kind-movement = Movement
kind-attempt = Not carried out
kind-passage = Passage
kind-correction = Correction
kind-decision = Decision
kind-system = Terminal report
kind-unknown = Line of a later version

# Reasons of exceptions and refusals
reason-no_pass = Left without a pass
reason-pass_not_valid_now = Pass not valid at that time
reason-pass_for_another = Pass is for someone else
reason-pass_used_up = Pass was used up
reason-unknown_code = Unknown code
reason-on_hold = On hold
reason-no_certificate = No valid certificate
reason-clock_unset = Clock was never set
reason-clock_jumped = Clock jumped
reason-data_stale = Decided on old data
reason-no_person = Nobody named
reason-already_out = Already out
reason-not_out = Came back, was not out
reason-wrong_place = Wrong place
reason-short = Short
reason-already_received = Received twice
reason-direction_unknown = Direction unknown
reason-bound_twice = Code bound twice
reason-unreadable = Line cannot be read
reason-count_variance = Count differs from the book
reason-not_correctable = Cannot be taken back

# Records
record-item = Item
record-unit = Sample
record-binding = Code binding
record-place = Place
record-person = Person
record-pass = Pass
record-task = Task
record-hold = Hold
record-certificate = Certificate
place-kind-site = Site
place-kind-vault = Vault
place-kind-storage = Storage
place-kind-zone = Zone
place-kind-door = Door
place-kind-bench = Bench

# States
state-stored = Stored
state-out = Out
state-due_soon = Due soon
state-overdue = Overdue
state-unauthorised_exit = Left without a pass
state-on_hold = On hold
state-unplaced = Place unknown
state-unregistered = Not registered
state-online = Online
state-offline = Offline
state-never_seen = Never seen
state-revoked = Revoked
state-alarm = Alarm
state-open = Open
state-settled = Settled
state-corrected = Corrected
state-unproven = Not sealed yet
state-watching = Watching
state-trouble = Trouble

# Roles
role-administrator = Administrator
role-approver = Approver
role-keeper = Keeper
role-planner = Planner
role-auditor = Auditor
