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
place-kind-site = 场所
place-kind-vault = 保险库
place-kind-storage = 存储区
place-kind-zone = 区域
place-kind-door = 门
place-kind-bench = 验收台

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
