# Groups in which nobody, or everybody, had the event: exact limits for the number effectively followed, and differences
# from a group with limits on the scale log(-log). Run in this folder: Rscript event_free.R
source("common.R")

# The share with the event by the horizon with its error: Aalen-Johansen where something competes, else Kaplan-Meier.
share_of <- function(data, horizon, competes) {
  data$id <- seq_len(nrow(data))
  state <- factor(data$status, 0:2, c("censored", "event", "competing"))
  fit <- if (competes) survfit(Surv(entry + 1, time + 1, state) ~ 1, data, id = id) else survfit(Surv(entry + 1, time + 1, status == 1) ~ 1, data)
  at <- sum(fit$time - 1 <= horizon); event <- match("event", fit$states)
  if (at == 0) c(0, 0) else if (competes) c(fit$pstate[at, event], fit$std.err[at, event]) else c(1 - fit$surv[at], fit$surv[at] * fit$std.err[at])
}

bounded <- function(data, horizon, competes) {
  share <- share_of(data, horizon, competes); n <- effectively_followed(data, horizon)
  limits <- if (share[1] == 0) function(z) c(0, exact_limit(n, z)) else if (share[1] == 1) function(z) c(1 - exact_limit(n, z), 1)
    else function(z) log_log(share[1], share[2], z, as_survival = !competes)
  list(estimate = share[1], limits = limits, n = nrow(data), followed = n, exact = share[1] %in% 0:1)
}

# Without an error in one of the groups, that of the difference is its way towards 0 over 1.96.
difference <- function(one, none) {
  found <- hybrid_of(one, none); ways <- c(found$estimate - found$low, found$high - found$estimate)
  towards <- if (found$estimate == 0) max(ways) else if (found$estimate > 0) ways[1] else ways[2]
  c(found, std_error = towards / qnorm(0.975))
}

case <- function(name, data, horizon, competes) {
  if (!competes) data$status[data$status == 2] <- 0
  groups <- lapply(1:0, function(g) bounded(data[data$group == g, ], horizon, competes))
  told <- lapply(groups, function(group) { limits <- group$limits(qnorm(0.975))
    list(n = group$n, followed = group$followed, exact = group$exact, estimate = group$estimate, low = limits[1], high = limits[2]) })
  list(name = name, horizon = horizon, competes = competes,
    cells = cells_of(group = data$group, entry = data$entry, time = data$time, status = data$status),
    groups = told, difference = difference(groups[[1]], groups[[2]]))
}

tumours <- with(subset(veteran, celltype %in% c("squamous", "adeno")), data.frame(entry = FROM_THE_START, time = time,
  status = status, group = as.integer(celltype == "adeno")))

write_reference("event_free.R", "survival", list(
  case("pbc_transplants_stage_1_and_4", transplants(4), 100, TRUE),
  case("pbc_transplants_stage_1_and_3", transplants(3), 120, TRUE),
  case("pbc_transplants_fewer_than_the_limit", transplants(2), 80, TRUE),
  case("pbc_transplants_alone", transplants(4), 100, FALSE),
  case("pbc_deaths_of_the_first_year", transform(transplants(4), status = c(0, 2, 1)[status + 1]), 15, TRUE),
  case("mgus2_first_months", public$mgus2, 4, TRUE),
  case("mgus2_first_months_alone", public$mgus2, 4, FALSE),
  case("mgus2_by_age", public$mgus2_by_age, 700, TRUE),
  case("mgus2_by_age_alone", public$mgus2_by_age, 700, FALSE),
  case("myeloid_both_free", public$myeloid, 2, TRUE),
  case("veteran_everybody_died", tumours, 186, FALSE)))
