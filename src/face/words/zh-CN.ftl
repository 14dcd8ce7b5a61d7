# Values
today = 今天
ago = { $span }前
left = 还有 { $span }
late-by = 逾期 { $span }
span-seconds = { $n } 秒
span-minutes = { $n } 分钟
span-hours = { $n } 小时
span-days = { $n } 天
pieces = { $n } 件

# Acts
act-receive = 收货
act-put_away = 上架
act-check_out = 出库
act-return = 归还
act-move = 移库
act-count = 盘点
act-register = 登记
act-relabel = 换标签

# Directions at a door
direction-in = 进入
direction-out = 外出
direction-unknown = 方向不明

# Kinds of lines
kind-movement = 流转
kind-attempt = 未执行
kind-passage = 过门
kind-correction = 更正
kind-decision = 决定
kind-system = 终端自报
kind-registration = 样品登记
kind-relabelling = 换标签
kind-unknown = 新版本记录

# Reasons of exceptions and refusals
reason-no_pass = 未授权外出
reason-pass_not_valid_now = 通行证过期
reason-pass_for_another = 人员不符
reason-pass_used_up = 通行证已用完
reason-unknown_code = 未知条码
reason-on_hold = 冻结品出库
reason-no_certificate = 上岗证过期
reason-clock_unset = 时钟未设
reason-clock_jumped = 时钟跳变
reason-data_stale = 数据过旧
reason-no_person = 经手人不明
reason-already_out = 重复出库
reason-not_out = 归还前未出库
reason-wrong_place = 放错库位
reason-short = 缺件
reason-already_received = 重复收货
reason-direction_unknown = 方向不明
reason-bound_twice = 标签重复绑定
reason-unreadable = 记录无法解读
reason-count_variance = 盘点差异
reason-not_correctable = 不能更正
reason-code_replaced = 旧标签，已更换
reason-number_twice = 编号重复

refused-no_pass = 没有放行通行证
refused-on_hold = 已冻结

# Records
record-item = 物料
record-unit = 样品
record-binding = 标签绑定
record-place = 库位
record-person = 人员
record-pass = 放行通行证
record-task = 任务
record-hold = 冻结
record-certificate = 上岗证
record-series = 编号系列
record-lease = 编号段
record-relabelled = 标签变更

# States
state-stored = 在库
state-out = 外借中
state-due_soon = 即将到期
state-overdue = 逾期
state-unauthorised_exit = 未授权外出
state-on_hold = 冻结
state-unplaced = 位置不明
state-unregistered = 未登记
state-online = 在线
state-offline = 离线
state-never_seen = 从未连接
state-revoked = 已吊销
state-alarm = 报警
state-open = 未处理
state-settled = 已处理
state-corrected = 已更正
state-unproven = 待封签
state-watching = 值守中
state-trouble = 异常

# Roles
role-administrator = 系统管理员
role-approver = 审批人
role-keeper = 仓库管理员
role-planner = 计划员
role-auditor = 审计员

# Places that are no shelf
somewhere-supplier = 供应商
somewhere-customer = 客户
somewhere-scrap = 报废
somewhere-lost = 丢失
somewhere-count_gain = 盘盈
somewhere-count_loss = 盘亏
somewhere-suspense = 位置待查
somewhere-holder_unknown = 门外，持有人不明

# What is wrong with a terminal's book
flag-fork = 账本分叉
flag-unlinked = 账本校验失败
flag-bad_seal = 封签无效
flag-revoked = 吊销后仍在上传
flag-tail_cut = 账本尾部缺失

# Shell
language-name = 中文
skip = 跳到正文
search = 搜索
search-hint = 搜索，或直接扫码：编号、姓名、终端
rooms = 导航
room-home = 工作台
room-doors = 门口实况
room-movements = 流转记录
room-exceptions = 异常
room-terminals = 终端
room-access = 登录权限
terminals-online = { $n }/{ $all } 台终端在线
stale = 数据截至 {"{time}"}，正在重新连接
log-out = 退出登录
more-alarms = 另有 { $n } 个报警
acknowledge = 确认并处理
history = 流转经过
all = 全部
filter = 筛选
everything = 全部
newest = 最新
next-page = 下一页
older = 更早
comma = 、
error = 有误
optional = 选填
to-home = 回到工作台

# Refusals
failed-missing = 没有找到
failed-right = 你没有这里的权限
failed-missing-do = 请核对编号，或从工作台重新查找。
failed-right-do = 可请系统管理员开通。
failed-conflict-do = 没有写入。请看过新内容再操作。
failed-busy-do = 没有写入。稍等片刻再试。
failed-input-do = 没有写入。请返回检查后重试。
failed-conflict = 已被他人更改
failed-busy = 请稍后再试
failed-here = 系统出了问题
failed-input = 请求有误
nothing-lost = 你填的内容没有写入。请重试，或告知下面的编号。
who-may = 可请以下角色开通或代办：{ $roles }。

# Login
log-in = 登录
login-name = 登录名
login-password = 密码
login-wrong = 登录名或密码不对。请重新输入。
login-wait = 尝试次数过多。请在 { $span }后再试。
login-help = 忘记密码请找系统管理员。

# Home
good-morning = 上午好，{ $name }
good-afternoon = 下午好，{ $name }
good-evening = 晚上好，{ $name }
tile-alarms = 未确认报警
tile-exceptions = 未处理异常共 { $n } 项
tile-today = 今日出库 / 归还
tile-yesterday = 昨日此时 { $out } / { $back }
tile-late = 逾期未还
tile-of-out = 现在在外 { $n } 件
tile-terminals = 终端在线
tile-all-well = 全部正常
tile-look = { $n } 台需要查看
last-movements = 最近流转
doors-and-terminals = 门与终端
today-by-hour = 今日进出（件/时）
back = 归还
out-right-now = 现在在外
out-by-custodian = { $n } 件 · 按保管人
held-late = { $n } 件，其中逾期 { $late } 件
queued = 待传 { $n }
empty-movements = 还没有流转记录。终端上扫第一件后会显示在这里。
empty-terminals = 还没有终端。请先登记一台。
empty-out = 目前没有外借样品。出库后会显示在这里。

# Lists
nothing-matches = 没有符合筛选的记录。请换一个筛选。
column-time = 时间
column-what = 事项
column-units = 样品
column-where = 地点
column-who = 经手人
column-terminal = 终端
column-exception = 异常
column-settle = 处理
column-state = 状态
column-queued = 待传
column-clock = 时钟误差
column-chain = 账本
column-program = 程序版本
column-code = 标签码
column-from = 起
column-until = 止
and-more = 等另 { $n } 件
version = 第 { $n } 版
withdrawn = 已停用
settled-exception = 处理异常：
enrolled-terminal = 登记终端：
revoked-terminal = 吊销终端：
system-started = 程序启动
system-stopped = 程序停止
system-clock = 时钟校正
system-key = 更换密钥
system-works = 恢复正常
system-fails = 出现故障
system-check = 自检：显示 { $shown }，已写 { $written }
sensed-weight = 称重
sensed-net-weight = 净重
sensed-climate = 温湿度
sensed-closed = 触点 { $line } 闭合
sensed-open = 触点 { $line } 断开
the-server = 中心服务器
terminal-number = 终端 { $n }
person-number = 人员 { $n }

# Doors
doors-count = { $n } 道门
doors-state = 各门状态
passages = 通过记录
passages-today = 今日 { $n } 次，{ $pieces } 件
door-of = 由终端 { $terminal } 值守
empty-doors = 还没有门。登记类型为门的库位，或等第一次过门。
empty-passages = 还没有通过记录。

# Exceptions
open-count = { $n } 项未处理
empty-exceptions = 没有未处理的异常。
note = 说明
note-hint = 怎么回事，怎么处理的
settle = 处理

# A unit, a person
registered-amount = 登记数量
home-place = 归位库位
last-seen = 最近一次
where-it-is = 现在库位
labels-and-tags = 标签
code-replaced = 已更换
number-check-wrong = { $text } 的校验位不符，请再看一遍标签。正确的样子：{ $expected }。
number-letter-wrong = { $text } 的第 { $at } 位是 { $found }，应为数字，请再看一遍标签。正确的样子：{ $expected }。
who-has-it = 现在谁手里
seen-leaving-only = 没有出库记录，只在门口看到带出。
since = 自
nobody-place = 无人经手，在
nobody = 无人经手。
in-the-book = 看账本
gap = 间隔 { $span }
empty-history = 还没有流转记录。
holds-nothing = 名下没有外借样品。
paper = 单据
due = 应还
found-nothing = 没有找到 { $text }。请换一个编号或名称。

# Terminals
enrol = 登记终端
revoke = 吊销
revoke-ask = 吊销 { $name }？它将不能再上传，之后传来的记录只留存待查。
revoke-type = 请输入编号 { $n } 确认
chain-holds = 校验正常
code-title = 一次性登记码
code-life = 15 分钟内有效，只显示这一次
code-server = 服务器地址
code-pin = 证书指纹（SHA-256）
code-text = 写入终端配置
code-help = 把这几行写进新终端的配置文件，然后启动终端。

# Access
people = 人员
programs = 程序（API）
roles = 角色
person-no = 人员编号
may-come-in = 可登录
locked-out = 已停用
lock-out = 停用
let-in = 启用
made-by = 创建人
add-login = 添加登录
add-token = 创建令牌
token-label = 用途
token-hint = 例如：ERP 接口
token-made = 新令牌
token-once = 只显示这一次，请立即保存
empty-tokens = 还没有令牌。程序通过令牌读取账本。
password-hint = 至少 { $n } 个字符
wrong-name-taken = 登录名 { $name } 已被使用。请换一个。
wrong-name = 登录名需 1 至 64 个字符，首尾不留空格。
wrong-no-role = 请至少选择一个角色。
wrong-password-name = 密码不能与登录名相同。
wrong-password-length = 密码至少 { $n } 个字符。
wrong-last-administrator = { $name } 是最后一位系统管理员。请先添加另一位。

# 标签
label-printed = 打印标签
label-nth = 第 { $n } 张
label-reprint = 补打第 { $n } 次
label-again = 补打
labels-printed = 已打标签
label-picture = 查看标签
unlabelled = 未贴标签
unlabelled-say = 已登记但从未打印过标签的件。
unlabelled-none = 每一件登记品都有标签。
unlabelled-one = 还没有打印过标签。
code-scan = 可扫码代替输入
