# Adjusted p-values (p.adjust), Cochran's Q of level-wise contrasts by hand, and the smallest detectable difference of two
# shares. Run in this folder: Rscript inference.R
source("common.R")

p_values <- list(three = c(0.011, 0.04, 0.2), reversed = c(0.2, 0.04, 0.011), ties = c(0.02, 0.02, 0.5, 0.9, 0.02), one = 0.03,
  ten = c(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324))
adjusted <- lapply(names(p_values), function(name) { p <- p_values[[name]]; list(name = name, p_values = I(p),
  holm = I(p.adjust(p, "holm")), bh = I(p.adjust(p, "BH")), holm_of_five = I(if (length(p) > 5) numeric(0) else p.adjust(p, "holm", n = 5)))})

# Q = sum w (d - mean)^2 with w = 1 / se^2: the Wald test that the contrasts of independent levels are equal.
cochran <- function(estimate, error) { w <- 1 / error^2; q <- sum(w * (estimate - sum(w * estimate) / sum(w))^2)
  list(estimate = estimate, std_error = error, statistic = q, degrees_of_freedom = length(estimate) - 1,
    p_value = pchisq(q, length(estimate) - 1, lower.tail = FALSE)) }
shares <- function(d, level, group, event) { cells <- aggregate(list(n = rep(1, nrow(d)), k = d[[event]]), list(level = d[[level]], group = d[[group]]), sum)
  at <- split(cells, cells$level); p <- lapply(at, function(x) x$k / x$n)
  cochran(sapply(p, diff, USE.NAMES = FALSE), sqrt(sapply(at, function(x) sum(x$k / x$n * (1 - x$k / x$n) / x$n), USE.NAMES = FALSE))) }
# Incidence of recurrence, death competing, at each level: survfit's Aalen-Johansen and its standard error.
incidence <- function(d, level, by) { at <- lapply(split(d, level), function(x) {
    fit <- survfit(Surv(time + 1, factor(status, 0:2)) ~ group, x); found <- summary(fit, times = by + 1, extend = TRUE)
    list(d = diff(found$pstate[, 2]), se = sqrt(sum(found$std.err[, 2]^2))) })
  cochran(sapply(at, `[[`, "d", USE.NAMES = FALSE), sapply(at, `[[`, "se", USE.NAMES = FALSE)) }

size <- as.integer(as.factor(rotterdam$size))
interactions <- list(
  c(list(name = "colon_deaths_by_sex"), shares(subset(colon, etype == 2 & rx != "Lev"), "sex", "rx", "status")),
  c(list(name = "colon_deaths_by_extent"), shares(subset(colon, etype == 2 & rx != "Lev" & extent > 1 & extent < 4), "extent", "rx", "status")),
  c(list(name = "rotterdam_recurrence_by_size"), incidence(public$rotterdam, size, 60),
    list(horizon = 60, cells = with(public$rotterdam, cells_of(level = size, group = group, entry = entry, time = time, status = status)))))

# With the error that both groups have under their own shares, the estimated one; power.prop.test, which takes the pooled
# one under no difference beside it, only says how far apart the shares are. The power at that difference is 0.8 again.
detect <- function(n, share, alpha) { other <- power.prop.test(n = n, p1 = share, power = 0.8, sig.level = alpha, tol = 1e-10)$p2
  error <- sqrt((share * (1 - share) + other * (1 - other)) / n)
  power <- function(difference) pnorm(difference / error - qnorm(1 - alpha / 2))
  list(name = paste0("n", n, "_p", share, "_a", alpha), alpha = alpha, std_error = error,
    unpooled = (qnorm(1 - alpha / 2) + qnorm(0.8)) * error,
    where_power_is_enough = uniroot(function(difference) power(difference) - 0.8, c(0, 1), tol = 1e-15)$root) }
detectable <- do.call(c, lapply(c(200, 1000, 5000), function(n) lapply(c(0.05, 0.01), function(alpha) detect(n, 0.4, alpha))))

write_reference("inference.R", "survival", list(list(adjusted = adjusted, interactions = interactions, detectable = detectable)))
