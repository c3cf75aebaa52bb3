# Shares weighted for response by base R, person by person; scores of two periods. Run in this folder: Rscript response.R
source("common.R"); suppressPackageStartupMessages(library(MASS))

# The weighted mean and the chances of answering are solved together: sandwich of the stacked estimating equations.
# A level in which everybody answered has no information on its coefficient, which a generalised inverse leaves out.
weighted <- function(success, answered, covariates) {
  fit <- suppressWarnings(glm(answered ~ ., binomial, data.frame(answered, covariates), control = list(epsilon = 1e-15, maxit = 100)))
  x <- model.matrix(fit); chance <- fitted(fit); y <- ifelse(answered == 1, success, 0)
  share <- sum(answered * y / chance) / sum(answered / chance)
  equations <- cbind((answered - chance) * x, answered * (y - share) / chance)
  slope <- rbind(cbind(-t(x) %*% (x * chance * (1 - chance)), 0),
    c(-colSums(answered * (y - share) * (1 - chance) / chance * x), -sum(answered / chance)))
  bread <- if (max(chance) > 1 - 1e-9) ginv(slope, tol = 1e-11) else solve(slope)
  variance <- bread %*% crossprod(equations) %*% t(bread)
  error <- sqrt(variance[nrow(variance), nrow(variance)])
  list(estimate = share, std_error = error, low = max(0, share - qnorm(0.975) * error), high = min(1, share + qnorm(0.975) * error))
}

# Where all answers are alike no error can be told: Wilson's limits of those who answered.
weighted_or_alike <- function(success, answered, covariates) {
  if (length(unique(success[answered == 1])) > 1) return(weighted(success, answered, covariates))
  limits <- wilson(sum(success), sum(answered))
  list(estimate = limits[1], std_error = NA, low = limits[2], high = limits[3])
}

# The ways to the limits of both periods, 1.96 errors where there is one, squared and added.
weighted_difference <- function(after, before) {
  ways <- lapply(list(after, before), function(found) if (is.na(found$std_error)) c(found$estimate, found$estimate - found$low, found$high - found$estimate)
    else c(found$estimate, rep(qnorm(0.975) * found$std_error, 2)))
  square_and_add(ways[[1]], ways[[2]], 1)
}

two_periods <- function(name, value, threshold, after, covariates) {
  groups <- lapply(1:0, function(k) {
    chosen <- which(after == k); answered <- as.integer(!is.na(value[chosen])); success <- as.integer(answered & value[chosen] >= threshold)
    x <- covariates[chosen, , drop = FALSE]; success[answered == 0] <- 0L
    list(cells = as.list(aggregate(data.frame(successes = success, answered = answered, eligible = 1L), x, sum)),
      weighted = weighted_or_alike(success, answered, x))
  })
  list(name = name, covariates = I(names(covariates)), groups = groups, difference = weighted_difference(groups[[1]]$weighted, groups[[2]]$weighted))
}

case <- function(name, value, threshold, covariates) {
  complete <- complete.cases(covariates); value <- value[complete]; covariates <- covariates[complete, , drop = FALSE]
  answered <- as.integer(!is.na(value)); success <- as.integer(!is.na(value) & value >= threshold)
  cells <- aggregate(data.frame(successes = success, answered = answered, eligible = 1L), covariates, sum)
  list(name = name, covariates = I(names(covariates)), cells = as.list(cells), weighted = weighted(success, answered, covariates))
}

# What the main job tells of two periods. Brunner and Munzel (2000) by placements: theta is the mean of the shares of
# before below each answer of after, ties halved; its variance s1^2 / n1 + s0^2 / n0 of the placements; Satterthwaite's t.
wilson <- function(k, n) { ci <- prop.test(k, n, correct = FALSE)$conf.int; c(k / n, ci[1], ci[2]) }
newcombe <- function(k1, n1, k0, n0) {
  a <- wilson(k1, n1); b <- wilson(k0, n0); d <- a[1] - b[1]
  list(estimate = d, low = d - sqrt((a[1] - a[2])^2 + (b[3] - b[1])^2), high = d + sqrt((a[3] - a[1])^2 + (b[1] - b[2])^2))
}
# `telling`: whose answers tell the adjusted odds ratio; a level that gave the highest answer alone has an infinite one.
figures <- function(name, value, threshold, after, covariates, telling = rep(TRUE, length(value))) {
  known <- complete.cases(covariates, after); telling <- telling[known]; value <- value[known]; after <- after[known]; covariates <- covariates[known, , drop = FALSE]
  answered <- !is.na(value); success <- answered & value >= threshold
  there <- value[answered & after == 1]; then <- value[answered & after == 0]
  placed <- function(x, y) sapply(x, function(v) mean(y < v) + mean(y == v) / 2)
  a <- placed(there, then); b <- placed(then, there); parts <- c(var(a) / length(a), var(b) / length(b))
  theta <- mean(a); error <- sqrt(sum(parts)); df <- sum(parts)^2 / sum(parts^2 / (c(length(a), length(b)) - 1))
  statistic <- (theta - 0.5) / error
  data <- data.frame(answer = factor(value), after = after, covariates)[answered, ]
  odds <- function(names, chosen = rep(TRUE, nrow(data))) {
    data <- droplevels(data[chosen, ]); names <- names[sapply(data[names], function(x) length(unique(x)) > 1)]
    fit <- polr(reformulate(names, "answer"), data, Hess = TRUE, control = list(reltol = 1e-15, maxit = 1000))
    list(estimate = unname(exp(coef(fit)["after"])), std_error = sqrt(vcov(fit)["after", "after"]))
  }
  of <- function(k) list(eligible = sum(after == k), answered = sum(answered & after == k), successes = sum(success & after == k))
  one <- of(1); none <- of(0); silent <- function(g) g$eligible - g$answered
  bounds <- function(g) list(lowest = wilson(g$successes, g$eligible), highest = wilson(g$successes + silent(g), g$eligible))
  weights <- lapply(c(before = 0, after = 1), function(k)
    weighted(as.integer(success[after == k]), as.integer(answered[after == k]), covariates[after == k, , drop = FALSE]))
  list(name = name, threshold = threshold, covariates = I(names(covariates)),
    patients = c(list(value = value, after = after), as.list(covariates)),
    probability_of_superiority = list(estimate = theta, std_error = error, low = theta - qt(0.975, df) * error, high = theta + qt(0.975, df) * error),
    brunner_munzel = list(estimate = statistic, p_value = 2 * pt(-abs(statistic), df)),
    odds_ratio = odds("after"), odds_ratio_adjusted = odds(c("after", names(covariates)), telling[answered]), response_weighted = weights,
    difference_weighted = c(list(estimate = weights$after$estimate - weights$before$estimate,
      std_error = sqrt(weights$after$std_error^2 + weights$before$std_error^2)),
      weighted_difference(weights$after, weights$before)[c("low", "high", "p_value")]),
    bounds = list(before = bounds(none), after = bounds(one)),
    lowest = newcombe(one$successes, one$eligible, none$successes + silent(none), none$eligible),
    highest = newcombe(one$successes + silent(one), one$eligible, none$successes, none$eligible),
    tipping_point = (none$successes / none$answered * one$eligible - one$successes) / silent(one))
}

survey <- MASS::survey
# All smokers answer, and give the highest answer.
smokes <- survey$Smoke != "Never"; smoking <- subset(survey, is.na(Smoke) | !smokes | !is.na(Pulse)); smokes <- smoking$Smoke != "Never"
pulse <- ifelse(!is.na(smokes) & smokes, 100, pmin(smoking$Pulse, 100))
weighted_cases <- list(
  case("pbc", pbc$chol, 300, with(pbc, data.frame(woman = as.integer(sex == "f"), oedema = as.integer(edema > 0), older = as.integer(age > 50)))),
  case("lung", lung$meal.cal, 1000, with(lung, data.frame(woman = sex - 1, ecog = ph.ecog))),
  case("survey", survey$Pulse, 72, with(survey, data.frame(man = as.integer(Sex == "Male"), older = as.integer(Age > 19)))),
  case("airquality", airquality$Ozone, 50, data.frame(month = airquality$Month - 5, hot = as.integer(airquality$Temp > 79))))
karno <- with(lung, ifelse(is.na(meal.cal), NA, ph.karno)); months <- airquality$Month
status <- function(one, none) ifelse(lung$ph.ecog == one, 1, ifelse(lung$ph.ecog == none, 0, NA))
sex_and_age <- with(lung, data.frame(woman = sex - 1, older = as.integer(age > 63)))
differences <- list(two_periods("lung_all_able", karno, 80, status(0, 1), sex_and_age), two_periods("lung_none_able", karno, 90, status(2, 1), sex_and_age),
  two_periods("lung", karno, 90, status(0, 1), sex_and_age))
cases <- list(weighted = weighted_cases, differences = differences, figures = list(
  figures("lung", karno, 80, lung$sex - 1, with(lung, data.frame(ambulatory = as.integer(ph.ecog > 0), older = as.integer(age > 63)))),
  figures("survey", pmin(survey$Pulse, 100), 75, as.integer(survey$Sex == "Male"), with(survey, data.frame(older = as.integer(Age > 19),
    smoker = as.integer(Smoke != "Never")))),
  figures("survey_smokers", pulse, 75, as.integer(smoking$Sex == "Male"), with(smoking, data.frame(older = as.integer(Age > 19),
    smoker = as.integer(smokes))), !smokes),
  figures("airquality", pmin(airquality$Ozone, 100), 30, as.integer(months > 6), with(airquality, data.frame(windy = as.integer(Wind > 10))))))
write_reference("response.R", c("stats", "MASS"), cases)
