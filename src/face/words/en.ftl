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
act-register = Register
act-relabel = Relabel

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
kind-registration = Registration
kind-relabelling = Relabelling
kind-unknown = Line of a later version

# Reasons of exceptions and refusals
reason-no_pass = Unauthorised exit
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
reason-code_replaced = Label was replaced
reason-number_twice = Number given twice

refused-no_pass = No pass
refused-on_hold = On hold

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
record-series = Series of numbers
record-lease = Leased numbers
record-relabelled = Label change

# States
state-stored = Stored
state-out = Out
state-due_soon = Due soon
state-overdue = Overdue
state-unauthorised_exit = Unauthorised exit
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

# Places that are no shelf
somewhere-supplier = Supplier
somewhere-customer = Customer
somewhere-scrap = Scrap
somewhere-lost = Lost
somewhere-count_gain = Count gain
somewhere-count_loss = Count loss
somewhere-suspense = Place to be found
somewhere-holder_unknown = Outside, holder unknown

# What is wrong with a terminal's book
flag-fork = Book was forked
flag-unlinked = Chain does not hold
flag-bad_seal = Seal does not hold
flag-revoked = Sends after it was revoked
flag-tail_cut = End of the book was cut

# Shell
language-name = English
skip = Skip to content
search = Search
search-hint = Search, or just scan: number, person, terminal
rooms = Rooms
room-home = Home
room-doors = Doors
room-movements = Movements
room-exceptions = Exceptions
room-terminals = Terminals
room-access = Access
terminals-online = { $n } of { $all } terminals online
stale = As of {"{time}"}, reconnecting
log-out = Log out
more-alarms = { $n } more
acknowledge = Acknowledge
history = History
all = All
filter = Filter
everything = All
newest = Newest
next-page = Next
older = Older
comma = { ", " }
error = Error
optional = optional
to-home = Go to Home

# Refusals
failed-missing = Not found
failed-right = You may not do this
failed-missing-do = Check the number, or find it from Home.
failed-right-do = An administrator can allow it.
failed-conflict-do = Nothing was stored. Look at it as it is now, then do it again.
failed-busy-do = Nothing was stored. Wait a little, then try again.
failed-input-do = Nothing was stored. Go back, check it and send it again.
failed-conflict = Someone changed this
failed-busy = Try again in a moment
failed-here = Something failed here
failed-input = This could not be read
nothing-lost = Nothing was stored. Try again, or give us the number below.
who-may = These roles may: { $roles }.

# Login
log-in = Log in
login-name = Name
login-password = Password
login-wrong = Name or password is not right. Enter them again.
login-wait = Too many tries. Wait { $span }, then try again.
login-help = Forgotten? Ask the administrator.

# Home
good-morning = Good morning, { $name }
good-afternoon = Good afternoon, { $name }
good-evening = Good evening, { $name }
tile-alarms = Alarms to acknowledge
tile-exceptions = { $n ->
    [one] { $n } exception open in all
   *[other] { $n } exceptions open in all
}
tile-today = Out / back today
tile-yesterday = this time yesterday { $out } / { $back }
tile-late = Overdue
tile-of-out = of { $n } out right now
tile-terminals = Terminals online
tile-all-well = all well
tile-look = { $n ->
    [one] { $n } needs a look
   *[other] { $n } need a look
}
last-movements = Last movements
doors-and-terminals = Doors and terminals
today-by-hour = Today by hour
back = Back
out-right-now = Out right now
out-by-custodian = { $n ->
    [one] { $n } piece · by custodian
   *[other] { $n } pieces · by custodian
}
held-late = { $n } held, { $late } late
queued = { $n } queued
empty-movements = No movements yet. The first scan at a terminal appears here.
empty-terminals = No terminals yet. Enrol one first.
empty-out = Nothing is out. When a piece is issued, it appears here.

# Lists
nothing-matches = Nothing matches this filter. Choose another one.
column-time = Time
column-what = What
column-units = Pieces
column-where = Where
column-who = Who
column-terminal = Terminal
column-exception = Exception
column-settle = Settle
column-state = State
column-queued = Queued
column-clock = Clock error
column-chain = Book
column-program = Program
column-code = Code
column-from = From
column-until = Until
and-more = and { $n } more
version = version { $n }
withdrawn = withdrawn
settled-exception = Settled:
enrolled-terminal = Enrolled terminal
revoked-terminal = Revoked terminal
system-started = Program started
system-stopped = Program stopped
system-clock = Clock offset
system-key = Key changed
system-works = works again
system-fails = does not work
system-check = Self-check: { $shown } shown, { $written } written
sensed-weight = Weighed
sensed-net-weight = Weighed, net
sensed-climate = Air
sensed-closed = Contact { $line } closed
sensed-open = Contact { $line } opened
the-server = Server
terminal-number = Terminal { $n }
person-number = Person { $n }

# Doors
doors-count = { $n ->
    [one] { $n } door
   *[other] { $n } doors
}
doors-state = Doors
passages = Passages
passages-today = { $n } today, { $pieces } pieces
door-of = watched by { $terminal }
empty-doors = No doors yet. Add a place of the kind door, or wait for the first passage.
empty-passages = No passages yet.

# Exceptions
open-count = { $n } open
empty-exceptions = No open exceptions.
note = Note
note-hint = What it was, what was done
settle = Settle

# A unit, a person
registered-amount = Registered
home-place = Home place
last-seen = Last seen
where-it-is = Where it is
labels-and-tags = Labels and tags
code-replaced = replaced
number-check-wrong = The check character of { $text } does not fit: look again at the label. Such a number looks like { $expected }.
number-letter-wrong = Place { $at } of { $text } is { $found }, where a digit belongs: look again at the label. Such a number looks like { $expected }.
who-has-it = Who has it
seen-leaving-only = Never checked out; only seen leaving.
since = Since
nobody-place = With nobody, at
nobody = With nobody.
in-the-book = In the book
gap = { $span } without a movement
empty-history = Nothing happened to it yet.
holds-nothing = Holds nothing.
paper = Paper
due = Due
found-nothing = Nothing found for { $text }. Try another number or name.

# Terminals
enrol = Enrol a terminal
revoke = Revoke
revoke-ask = Revoke { $name }? What it sends from then on is put aside for a person to look at.
revoke-type = Type its number { $n } to confirm
chain-holds = holds
code-title = One-time code
code-life = good for 15 minutes, shown this once
code-server = Server
code-pin = Certificate pin (SHA-256)
code-text = For the terminal's file
code-help = Copy these lines into the new terminal's configuration and start it.

# Access
people = People
programs = Programs (API)
roles = Roles
person-no = Person number
may-come-in = may come in
locked-out = locked out
lock-out = Lock out
let-in = Let in
made-by = Made by
add-login = Add a login
add-token = Make a token
token-label = What it is for
token-hint = for example: ERP interface
token-made = New token
token-once = shown this once, keep it now
empty-tokens = No tokens yet. Programs read the book with one.
password-hint = at least { $n } characters
wrong-name-taken = There is already a login named { $name }. Choose another name.
wrong-name = A name has 1 to 64 characters without blanks at its ends.
wrong-no-role = Choose at least one role.
wrong-password-name = The password is the name. Choose another one.
wrong-password-length = A password has at least { $n } characters.
wrong-last-administrator = { $name } is the last administrator. Add another one first.

# Labels
label-printed = Label printed
label-nth = label { $n }
label-reprint = reprint { $n }
label-again = reprint
labels-printed = Labels printed
label-picture = Show label
unlabelled = Without a label
unlabelled-say = Registered pieces of which no label was ever printed.
unlabelled-none = Every registered piece has a label.
unlabelled-one = No label was printed yet.
code-scan = To be scanned instead of typed
